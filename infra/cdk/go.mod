// There is no Go here but what lies in node_modules, where the CDK's project templates do not even parse. A module of its own
// keeps ./... of the repository out of it.
module github.com/postroom/postroom/infra/cdk

go 1.26.0
