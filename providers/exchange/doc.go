// Package exchange administers the shared mailboxes of a Microsoft 365 tenant: it creates them, sets them up, and gives and
// takes rights, as [provision.Admin] of all that Exchange has a say in.
//
// Microsoft Graph can do none of this (its metadata of 2026-08 has no operation for it), so the work is done in cmdlets of
// Exchange Online PowerShell. A [Shell] runs them. There are three: [Endpoint] sends them over HTTP as Microsoft's PowerShell
// module does, [Script] writes them down for an administrator to run, and [Answers] replays what such a script has read.
package exchange
