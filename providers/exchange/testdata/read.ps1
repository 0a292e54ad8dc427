#Requires -Modules ExchangeOnlineManagement
# postroom.yaml
# Made by postroom on 2026-11-22T12:00:00Z. It may be run again.

Set-StrictMode -Version 3
if (-not (Get-ConnectionInformation -ErrorAction SilentlyContinue | Where-Object { $_.State -eq 'Connected' })) {
    Connect-ExchangeOnline -ShowBanner:$false -ErrorAction Stop
}
$failed = [ordered]@{}

$answers = [System.Collections.Generic.List[object]]::new()
$people = [System.Collections.Generic.SortedSet[string]]::new([StringComparer]::OrdinalIgnoreCase)
function Plain($Value) {
    if ($null -eq $Value) { return $null }
    if ($Value -is [bool]) { return $Value }
    if ($Value -is [System.Collections.IEnumerable] -and $Value -isnot [string]) { return , @($Value | ForEach-Object { "$_" }) }
    return "$Value"
}
function Ask([string] $Cmdlet, [hashtable] $Parameters, [string[]] $Select) {
    $answer = [ordered]@{ cmdlet = $Cmdlet; parameters = @{}; rows = @(); error = '' }
    foreach ($name in $Parameters.Keys) { $answer.parameters[$name] = "$($Parameters[$name])" }
    try {
        $answer.rows = @(& $Cmdlet @Parameters -ErrorAction Stop -WarningAction SilentlyContinue | ForEach-Object {
            $row = [ordered]@{}
            foreach ($property in $_.PSObject.Properties) {
                if ($Select.Count -eq 0 -or $Select -contains $property.Name) { $row[$property.Name] = Plain $property.Value }
            }
            foreach ($name in 'User', 'Trustee', 'GrantSendOnBehalfTo') {
                if ($row.Contains($name)) { foreach ($who in @($row[$name])) { if ($who) { $null = $people.Add("$who") } } }
            }
            $row
        })
    } catch { $answer.error = $_.Exception.Message }
    $answers.Add($answer)
}
$recipient = @('Guid', 'PrimarySmtpAddress', 'EmailAddresses', 'DisplayName', 'RecipientTypeDetails', 'WindowsLiveID', 'Identity', 'Name')
Ask 'Get-Mailbox' @{ Identity = 'support@contoso.com' } @('Guid', 'ExternalDirectoryObjectId', 'PrimarySmtpAddress', 'UserPrincipalName', 'DisplayName', 'RecipientTypeDetails', 'AccountDisabled', 'HiddenFromAddressListsEnabled', 'MessageCopyForSentAsEnabled', 'MessageCopyForSendOnBehalfEnabled', 'EmailAddresses', 'GrantSendOnBehalfTo', 'ProhibitSendReceiveQuota', 'SKUAssigned', 'ExtensionCustomAttribute5', 'CustomAttribute15')
Ask 'Get-MailboxPermission' @{ Identity = 'support@contoso.com' } @('Identity', 'User', 'AccessRights', 'IsInherited', 'Deny')
Ask 'Get-RecipientPermission' @{ Identity = 'support@contoso.com' } @('Identity', 'Trustee', 'AccessRights', 'AccessControlType', 'IsInherited')
Ask 'Get-MailboxRegionalConfiguration' @{ Identity = 'support@contoso.com'; VerifyDefaultFolderNameLanguage = $true } @()
Ask 'Get-MailboxAutoReplyConfiguration' @{ Identity = 'support@contoso.com' } @('Identity', 'AutoReplyState')
Ask 'Get-Recipient' @{ Identity = 'support@contoso.com' } @('Guid', 'PrimarySmtpAddress', 'EmailAddresses', 'DisplayName', 'RecipientTypeDetails', 'WindowsLiveID', 'Identity', 'Name')
Ask 'Get-Mailbox' @{ Filter = 'EmailAddresses -eq ''support@contoso.com'''; SoftDeletedMailbox = $true } @('Guid', 'PrimarySmtpAddress')
foreach ($who in @($people)) {
    if ($who -notmatch '^(NT AUTHORITY\\|S-1-)') { Ask 'Get-Recipient' @{ Identity = $who } $recipient }
}
$file = Join-Path (Get-Location) 'postroom-answers.json'
$tenant = "$(Get-ConnectionInformation | Where-Object { $_.State -eq 'Connected' } | Select-Object -First 1 -ExpandProperty TenantID -ErrorAction SilentlyContinue)"
@{ format = 1; made = (Get-Date).ToUniversalTime().ToString('o'); tenant = $tenant; answers = $answers } | ConvertTo-Json -Depth 8 |
    Set-Content -LiteralPath $file -Encoding utf8
Write-Host "Answers: $file"
