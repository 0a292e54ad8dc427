#Requires -Modules ExchangeOnlineManagement
# postroom.yaml # evil
# Made by postroom on 2026-11-22T12:00:00Z. It may be run again.

Set-StrictMode -Version 3
if (-not (Get-ConnectionInformation -ErrorAction SilentlyContinue | Where-Object { $_.State -eq 'Connected' })) {
    Connect-ExchangeOnline -ShowBanner:$false -ErrorAction Stop
}
$failed = [ordered]@{}

$looked = @{}
$unknown = 'ManagementObjectNotFoundException|couldn''t be found|couldn''t find object|wasn''t found'
# An address may lead to somebody's own mailbox, or to another of which it is an alias.
function Look([string] $Mailbox) {
    if (-not $Mailbox -or $looked.Contains($Mailbox)) { return }
    $looked[$Mailbox] = $true
    try { $found = @(Get-Mailbox -Identity $Mailbox -ErrorAction Stop) } catch {
        if ($_.Exception.Message -match $unknown) { return }
        $failed[$Mailbox] = $_.Exception.Message
        Write-Host "LEFT ALONE: ${Mailbox}: $($failed[$Mailbox])" -ForegroundColor Red
        return
    }
    $own = @($found | Where-Object { "$($_.PrimarySmtpAddress)" -eq $Mailbox })
    if ($own.Count -gt 0 -and "$($own[0].RecipientTypeDetails)" -ne 'SharedMailbox') {
        $failed[$Mailbox] = "it is no shared mailbox but a $($own[0].RecipientTypeDetails)"
    } elseif ($own.Count -eq 0 -and $found.Count -eq 1) {
        $failed[$Mailbox] = "it is an address of $($found[0].PrimarySmtpAddress)"
    } else { return }
    Write-Host "LEFT ALONE: ${Mailbox}: $($failed[$Mailbox])" -ForegroundColor Red
}
function Step {
    param([string] $Mailbox, [string] $What, [string[]] $Already = @(), [switch] $AnyKind, [scriptblock] $Unless, [scriptblock] $Do)
    if (-not $AnyKind) { Look $Mailbox }
    if ($failed.Contains($Mailbox)) { Write-Host "left out: $What"; return }
    if ($Unless) {
        try { if (& $Unless) { Write-Host "already so: $What"; return } } catch { }
    }
    # What was created a moment ago may not be found yet.
    foreach ($pause in 0, 5, 15, 30, 60) {
        Start-Sleep -Seconds $pause
        try { $null = & $Do; Write-Host "done: $What"; return }
        catch {
            $said = $_.Exception.Message
            foreach ($part in $Already) {
                if ($said.IndexOf($part, [StringComparison]::OrdinalIgnoreCase) -ge 0) { Write-Host "already so: $What"; return }
            }
            if ($said -notmatch $unknown) { break }
        }
    }
    $failed[$Mailbox] = $said
    Write-Host "FAILED: $What" -ForegroundColor Red
    Write-Host "        $said"
}

Step -Mailbox '' -What 'add app-principal aaaaaaaa-0000-0000-0000-000000000001' -Already @('AlreadyExistsException', 'already exists', 'already present', 'already been added') -Do {
    New-ServicePrincipal -AppId 'aaaaaaaa-0000-0000-0000-000000000001' -Confirm:$false -DisplayName 'Postroom' -ObjectId 'bbbbbbbb-0000-0000-0000-000000000002' -ErrorAction Stop
}
Step -Mailbox '' -What 'add app-scope Postroom' -Already @() -Unless { Get-ManagementScope -Identity 'Postroom' -ErrorAction Stop | Where-Object { "$($_.Name)" -eq 'Postroom' } } -Do {
    New-ManagementScope -Confirm:$false -Name 'Postroom' -RecipientRestrictionFilter 'CustomAttribute15 -eq ''Postroom''' -ErrorAction Stop
}
Step -Mailbox '' -What 'add app-role Application Mail.ReadWrite' -Already @('AlreadyExistsException', 'already exists', 'already present', 'already been added') -Do {
    New-ManagementRoleAssignment -App 'bbbbbbbb-0000-0000-0000-000000000002' -Confirm:$false -CustomResourceScope 'Postroom' -Role 'Application Mail.ReadWrite' -ErrorAction Stop
}
Step -Mailbox '' -What 'add app-role Application MailboxSettings.ReadWrite' -Already @('AlreadyExistsException', 'already exists', 'already present', 'already been added') -Do {
    New-ManagementRoleAssignment -App 'bbbbbbbb-0000-0000-0000-000000000002' -Confirm:$false -CustomResourceScope 'Postroom' -Role 'Application MailboxSettings.ReadWrite' -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'create mailbox ' -Already @() -Unless { Get-Mailbox -Identity 'support@contoso.com' -RecipientTypeDetails 'SharedMailbox' -ErrorAction Stop | Where-Object { "$($_.PrimarySmtpAddress)" -eq 'support@contoso.com' } } -Do {
    New-Mailbox -Alias 'support' -Confirm:$false -DisplayName 'Contoso ''Support'' – “we” ‘‘help’’ $(Get-Date) `nRemove-Mailbox' -Name 'support' -PrimarySmtpAddress 'support@contoso.com' -Shared:$true -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set sign-in ' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -AccountDisabled:$true -Confirm:$false -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set name ' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -DisplayName 'Contoso ''Support'' – “we” ‘‘help’’ $(Get-Date) `nRemove-Mailbox' -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set language ' -Already @() -Do {
    Set-MailboxRegionalConfiguration -Identity 'support@contoso.com' -Confirm:$false -DateFormat $null -Language 'da-DK' -TimeFormat $null -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set timezone ' -Already @() -Do {
    Set-MailboxRegionalConfiguration -Identity 'support@contoso.com' -Confirm:$false -TimeZone 'Romance Standard Time' -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set folder-names ' -Already @() -Do {
    Set-MailboxRegionalConfiguration -Identity 'support@contoso.com' -Confirm:$false -LocalizeDefaultFolderName:$true -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set quota ' -Already @() -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -IssueWarningQuota '47352014438' -ProhibitSendQuota '51561082388' -ProhibitSendReceiveQuota '52613349376' -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set address-list ' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -HiddenFromAddressListsEnabled:$true -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set auto-reply ' -Already @() -Do {
    Set-MailboxAutoReplyConfiguration -Identity 'support@contoso.com' -AutoReplyState 'Disabled' -Confirm:$false -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set sent-copies as' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -MessageCopyForSentAsEnabled:$true -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'set sent-copies on-behalf' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -MessageCopyForSendOnBehalfEnabled:$true -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add alias help@contoso.com' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -EmailAddresses @{ Add = @('smtp:help@contoso.com') } -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add open anna@contoso.com' -Already @('AlreadyExistsException', 'already exists', 'already present', 'already been added') -Do {
    Add-MailboxPermission -Identity 'support@contoso.com' -AccessRights @('FullAccess') -AutoMapping:$true -Confirm:$false -InheritanceType 'All' -User 'anna@contoso.com' -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add open anna@contoso.com' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -ExtensionCustomAttribute5 @{ Add = @('automap:anna@contoso.com=on'); Remove = @('automap:anna@contoso.com=off') } -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add open o.hara@contoso.com' -Already @('AlreadyExistsException', 'already exists', 'already present', 'already been added') -Do {
    Add-MailboxPermission -Identity 'support@contoso.com' -AccessRights @('FullAccess') -AutoMapping:$false -Confirm:$false -InheritanceType 'All' -User 'o.hara@contoso.com' -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add open o.hara@contoso.com' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -ExtensionCustomAttribute5 @{ Add = @('automap:o.hara@contoso.com=off'); Remove = @('automap:o.hara@contoso.com=on') } -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add read bo@contoso.com' -Already @('AlreadyExistsException', 'already exists', 'already present', 'already been added') -Do {
    Add-MailboxPermission -Identity 'support@contoso.com' -AccessRights @('ReadPermission') -Confirm:$false -InheritanceType 'All' -User 'bo@contoso.com' -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add send-as anna@contoso.com' -Already @('AlreadyExistsException', 'already exists', 'already present', 'already been added') -Do {
    Add-RecipientPermission -Identity 'support@contoso.com' -AccessRights @('SendAs') -Confirm:$false -Trustee 'anna@contoso.com' -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add send-as team@contoso.com' -Already @('AlreadyExistsException', 'already exists', 'already present', 'already been added') -Do {
    Add-RecipientPermission -Identity 'support@contoso.com' -AccessRights @('SendAs') -Confirm:$false -Trustee 'team@contoso.com' -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add send-on-behalf bo@contoso.com' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -GrantSendOnBehalfTo @{ Add = @('bo@contoso.com') } -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add send-on-behalf team@contoso.com' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -GrantSendOnBehalfTo @{ Add = @('team@contoso.com') } -ErrorAction Stop
}
Step -Mailbox 'support@contoso.com' -What 'add reach ' -Already @('already present') -Do {
    Set-Mailbox -Identity 'support@contoso.com' -Confirm:$false -CustomAttribute15 'Postroom' -ErrorAction Stop
}
Step -Mailbox 'old@contoso.com' -What 'remove open S-1-5-21-1-2-3-1001' -Already @('isn''t present', 'ACE doesn''t exist', 'entry doesn''t exist', 'entry does not exist') -Do {
    Remove-MailboxPermission -Identity 'old@contoso.com' -AccessRights @('FullAccess') -Confirm:$false -InheritanceType 'All' -User 'S-1-5-21-1-2-3-1001' -ErrorAction Stop
}
Step -Mailbox 'old@contoso.com' -What 'remove open S-1-5-21-1-2-3-1001' -Already @('already present') -Do {
    Set-Mailbox -Identity 'old@contoso.com' -Confirm:$false -ExtensionCustomAttribute5 @{ Remove = @('automap:S-1-5-21-1-2-3-1001=on', 'automap:S-1-5-21-1-2-3-1001=off') } -ErrorAction Stop
}
Step -Mailbox 'old@contoso.com' -What 'delete mailbox ' -Already @('ManagementObjectNotFoundException', 'couldn''t be found', 'couldn''t find object', 'isn''t present', 'doesn''t exist', 'does not exist') -Do {
    Remove-Mailbox -Identity 'a02fe49a-8750-70b1-5464-0b130fafe3dc' -Confirm:$false -ErrorAction Stop
}

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
Ask 'Get-ServicePrincipal' @{  } @('AppId', 'ObjectId', 'DisplayName')
Ask 'Get-ManagementScope' @{ Identity = 'Postroom' } @('Name', 'RecipientFilter')
Ask 'Get-Mailbox' @{ Filter = 'CustomAttribute15 -eq ''Postroom'''; ResultSize = 'Unlimited' } @('Guid', 'ExternalDirectoryObjectId', 'PrimarySmtpAddress', 'UserPrincipalName', 'DisplayName', 'RecipientTypeDetails', 'AccountDisabled', 'HiddenFromAddressListsEnabled', 'MessageCopyForSentAsEnabled', 'MessageCopyForSendOnBehalfEnabled', 'EmailAddresses', 'GrantSendOnBehalfTo', 'ProhibitSendReceiveQuota', 'SKUAssigned', 'ExtensionCustomAttribute5', 'CustomAttribute15')
Ask 'Get-ManagementRoleAssignment' @{ RoleAssignee = 'bbbbbbbb-0000-0000-0000-000000000002' } @()
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
if ($failed.Count -gt 0) { Write-Host "$($failed.Count) mailboxes have a step that failed." -ForegroundColor Red; exit 1 }
