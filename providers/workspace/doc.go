// Package workspace administers Google Workspace: it reads and changes accounts with their names, aliases, org units and
// licences, and the groups in front of accounts with their settings and members. What is inside an account (delegates,
// senders, labels) is Gmail's own and not here.
//
// It acts as one administrator through domain-wide delegation of a service account, which should be another than the
// one that works the mail. Every scope is asked for by itself and not before something needs it, so what the manifest
// does not use need not be authorised:
//
//	ScopeUsers           accounts, names, aliases, org units, the address list
//	ScopeGroups          the front group and members of groups
//	ScopeGroupsSettings  Collaborative Inbox and what else Groups Settings has
//	ScopeLicensing       licences
//
// The administrator needs no more than a custom role with these privileges ("Administrator privilege definitions"):
// Organizational Units > Read; Users > Create, Read, Update (Rename users, Move users, Add/Remove aliases) and, to delete
// accounts, Delete; Groups (all of it); License Management. The same role gives them in the API.
//
// A directory key may be an alias: users.get of support@ gives whoever has that address, and a change by that key would
// change that person. Hence nothing is changed by address; an account is looked up, its primary address compared, and
// changed by its id.
//
// Google takes a while to settle. A new account answers 404 or 412 "User creation is not complete" for some seconds, and
// lists trail it by a minute or more; all that is provision.NotYet here.
package workspace
