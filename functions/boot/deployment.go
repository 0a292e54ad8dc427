package boot

import "time"

// Deployment is what the functions of a deployment on AWS read from environment variables; the templates under infra/
// set them. docs/deploy.md has the same table. Nothing in it is secret: secrets are named by where they are kept.
type Deployment struct {
	Table    string // POSTROOM_TABLE: the DynamoDB table
	Queue    string // POSTROOM_QUEUE: URL of the SQS FIFO queue of hints
	Manifest string // POSTROOM_MANIFEST: s3://BUCKET/KEY, or ssm:/NAME of a parameter
	URL      string // POSTROOM_URL: where the providers reach the hooks, https, without a slash at its end

	GraphTenant     string    // POSTROOM_GRAPH_TENANT: directory (tenant) id
	GraphClient     string    // POSTROOM_GRAPH_CLIENT: application (client) id
	GraphCloud      string    // POSTROOM_GRAPH_CLOUD: global, usgov, usgov-dod or china
	GraphCredential string    // POSTROOM_GRAPH_CREDENTIAL: federated, certificate or secret
	GraphAudience   string    // POSTROOM_GRAPH_AUDIENCE: of the federated assertion; default api://AzureADTokenExchange
	GraphSecret     string    // POSTROOM_GRAPH_SECRET_ARN: of the Secrets Manager secret with the certificate and its key, or the client secret
	GraphLapses     time.Time // POSTROOM_GRAPH_SECRET_EXPIRES: the day a client secret ends, 2006-01-02; required with one

	GoogleCredential   string    // POSTROOM_GOOGLE_CREDENTIAL: federated or key
	GoogleAccount      string    // POSTROOM_GOOGLE_ACCOUNT: e-mail address of the service account that acts for the mailboxes
	GoogleProvider     string    // POSTROOM_GOOGLE_PROVIDER: projects/N/locations/global/workloadIdentityPools/P/providers/V, for federated
	GoogleSecret       string    // POSTROOM_GOOGLE_SECRET_ARN: of the Secrets Manager secret with the service account's key
	GoogleLapses       time.Time // POSTROOM_GOOGLE_KEY_EXPIRES: the day the key ends, 2006-01-02; empty where it does not
	GoogleTopic        string    // POSTROOM_GOOGLE_TOPIC: projects/P/topics/T
	GoogleSubscription string    // POSTROOM_GOOGLE_SUBSCRIPTION: projects/P/subscriptions/S
	GooglePushAccount  string    // POSTROOM_GOOGLE_PUSH_ACCOUNT: the service account that signs pushes
	GoogleAudience     string    // POSTROOM_GOOGLE_AUDIENCE: of the push subscription; default: the Gmail hook's URL

	// The identities that administer the tenants, which the function provision alone has.
	ExchangeClient      string    // POSTROOM_EXCHANGE_CLIENT: application (client) id of the app that administers Exchange, in the tenant of GRAPH_TENANT
	ExchangeCredential  string    // POSTROOM_EXCHANGE_CREDENTIAL: federated, certificate or secret
	ExchangeSecret      string    // POSTROOM_EXCHANGE_SECRET_ARN: of the Secrets Manager secret with the certificate and its key, or the client secret
	ExchangeLapses      time.Time // POSTROOM_EXCHANGE_SECRET_EXPIRES: the day a client secret ends, 2006-01-02; required with one
	WorkspaceCredential string    // POSTROOM_WORKSPACE_CREDENTIAL: federated or key
	WorkspaceAccount    string    // POSTROOM_WORKSPACE_ACCOUNT: e-mail address of the service account that administers the Workspace
	WorkspaceAdmin      string    // POSTROOM_WORKSPACE_ADMIN: address of the administrator for whom it does
	WorkspaceProvider   string    // POSTROOM_WORKSPACE_PROVIDER: as GOOGLE_PROVIDER, for federated; default: that one
	WorkspaceSecret     string    // POSTROOM_WORKSPACE_SECRET_ARN: of the Secrets Manager secret with that service account's key

	Topic string // POSTROOM_TOPIC: ARN of the SNS topic that is told of drift

	Sweep    time.Duration // POSTROOM_SWEEP: how often each mailbox is read whatever is heard of it; default 15m
	Stale    time.Duration // POSTROOM_STALE: for how long a mailbox may go without a sync that ends before the log names it; default 1h
	Stack    string        // POSTROOM_STACK: the deployment's name, a dimension of every metric
	LogLevel string        // POSTROOM_LOG_LEVEL: debug, info, warn or error; default info

	// Where simulated tenants are, for trying it out: no credential is sent there, and only this machine's own
	// addresses are taken.
	SimulatedGraph     string // POSTROOM_SIMULATED_GRAPH
	SimulatedGmail     string // POSTROOM_SIMULATED_GMAIL
	SimulatedExchange  string // POSTROOM_SIMULATED_EXCHANGE
	SimulatedWorkspace string // POSTROOM_SIMULATED_WORKSPACE
	SimulatedKeys      string // POSTROOM_SIMULATED_KEYS: the key set that signs simulated pushes
}
