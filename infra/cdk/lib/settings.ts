import type { PostroomProps } from './postroom';

/** Setting is one thing that whoever deploys decides. The parameters of infra/sam/template.yaml are these, word for word. */
export interface Setting {
  /** Name of the SAM parameter, of the CDK context value, and with a small first letter of the construct's property. */
  readonly name: string;
  /** Heading under which the console shows it. */
  readonly group: string;
  readonly default: string | number;
  /** What it is, for an administrator who has not read the code. */
  readonly description: string;
  /** The values there are, where there are few. */
  readonly values?: readonly (string | number)[];
  /** What a text must look like, and how that is said to a person. */
  readonly pattern?: string;
  readonly says?: string;
  /** Bounds of a number, both included. */
  readonly min?: number;
  readonly max?: number;
}

const microsoft = 'Microsoft 365';
const google = 'Google Workspace';
const provisioning = 'Provisioning';
const deployment = 'This deployment';
const watching = 'Alarms and logs';
const limits = 'Limits and protection';

const day = '^$|^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$';
const secretArn = '^$|^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@!-]+$';
const secretSays = 'Write the whole ARN of the secret, which begins with arn:aws:secretsmanager: - never the secret itself.';
const address = '^$|^[^@ ]+@[^@ ]+$';

/** All settings, in the order in which they are asked for. */
export const settings: readonly Setting[] = [
  {
    name: 'GraphCredential', group: microsoft, default: 'none', values: ['none', 'federated', 'certificate', 'secret'],
    description: 'How Postroom proves itself to Microsoft 365. none: no mailboxes there. federated: no secret exists, Entra trusts the roles of this stack (recommended). certificate: kept in Secrets Manager. secret: a client secret in Secrets Manager, which ends one day (discouraged).',
  },
  {
    name: 'GraphTenant', group: microsoft, default: '', pattern: '^$|^[a-zA-Z0-9.-]+$', says: 'Write the directory (tenant) id as the app registration shows it.',
    description: 'Directory (tenant) id of your Microsoft 365 organisation, as the overview of the app registration in Entra shows it.',
  },
  {
    name: 'GraphClient', group: microsoft, default: '', pattern: '^$|^[a-zA-Z0-9-]+$', says: 'Write the application (client) id as the app registration shows it.',
    description: 'Application (client) id of the app registration, as its overview shows it.',
  },
  {
    name: 'GraphCloud', group: microsoft, default: 'global', values: ['global', 'usgov', 'usgov-dod', 'china'],
    description: 'Which Microsoft cloud your organisation is in. global: everywhere but the three others, GCC too. usgov: GCC High.',
  },
  {
    name: 'GraphAudience', group: microsoft, default: 'api://AzureADTokenExchange', pattern: '^[!-~]+$', says: 'Write the audience as the federated credential in Entra has it.',
    description: 'With federated: the audience of the federated credential in Entra. Change it only if you have changed it there; the clouds of the US government and of China have others.',
  },
  {
    name: 'GraphSecretArn', group: microsoft, default: '', pattern: secretArn, says: secretSays,
    description: 'With certificate or secret: ARN of the secret in Secrets Manager that holds the certificate with its private key (PEM or PKCS#12), or the client secret.',
  },
  {
    name: 'GraphSecretExpires', group: microsoft, default: '', pattern: day, says: 'Write the day as 2027-01-31.',
    description: 'With secret: the day the client secret ends, as 2027-01-31, so that you are warned 30, 7 and 1 days before.',
  },
  {
    name: 'GoogleCredential', group: google, default: 'none', values: ['none', 'federated', 'key'],
    description: 'How Postroom proves itself to Google. none: no mailboxes there. federated: no key exists, Google trusts the roles of this stack (recommended). key: a service account key in Secrets Manager.',
  },
  {
    name: 'GoogleAccount', group: google, default: '', pattern: address, says: 'Write an e-mail address such as postroom@project.iam.gserviceaccount.com.',
    description: 'With federated: e-mail address of the service account that has the domain-wide delegation.',
  },
  {
    name: 'GoogleProvider', group: google, default: '', pattern: '^$|^projects/[0-9]+/locations/global/workloadIdentityPools/[^/]+/providers/[^/]+$', says: 'Write projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, with the number of the project, not its name.',
    description: 'With federated: full name of the workload identity provider, projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER.',
  },
  {
    name: 'GoogleSecretArn', group: google, default: '', pattern: secretArn, says: secretSays,
    description: 'With key: ARN of the secret in Secrets Manager that holds the key file (JSON) of the service account.',
  },
  {
    name: 'GoogleKeyExpires', group: google, default: '', pattern: day, says: 'Write the day as 2027-01-31.',
    description: 'With key: the day the key ends, as 2027-01-31, so that you are warned before. Empty where keys do not end.',
  },
  {
    name: 'GoogleTopic', group: google, default: '', pattern: '^$|^projects/[^/]+/topics/[^/]+$', says: 'Write the full name of the topic, projects/PROJECT/topics/TOPIC.',
    description: 'Pub/Sub topic to which Gmail reports changes, projects/PROJECT/topics/TOPIC. Empty: Gmail mailboxes are looked at each minute instead.',
  },
  {
    name: 'GoogleSubscription', group: google, default: '', pattern: '^$|^projects/[^/]+/subscriptions/[^/]+$', says: 'Write the full name of the subscription, projects/PROJECT/subscriptions/SUBSCRIPTION.',
    description: 'Push subscription of that topic, projects/PROJECT/subscriptions/SUBSCRIPTION. Needed with a topic.',
  },
  {
    name: 'GooglePushAccount', group: google, default: '', pattern: address, says: 'Write an e-mail address such as postroom-push@project.iam.gserviceaccount.com.',
    description: 'E-mail address of the service account that signs the pushes. Needed with a topic.',
  },
  {
    name: 'GoogleAudience', group: google, default: '', pattern: '^$|^[!-~]+$', says: 'Write the audience as the push subscription has it.',
    description: 'Audience of the push subscription. Empty: the URL of the Gmail hook, which is what Pub/Sub takes when none is set.',
  },
  {
    name: 'ExchangeCredential', group: provisioning, default: 'none', values: ['none', 'federated', 'certificate', 'secret'],
    description: 'How the app that administers Exchange Online proves itself; it is another one than the app above. none: mailboxes there are administered from elsewhere. The rest is as for GraphCredential.',
  },
  {
    name: 'ExchangeClient', group: provisioning, default: '', pattern: '^$|^[a-zA-Z0-9-]+$', says: 'Write the application (client) id as the app registration shows it.',
    description: 'Application (client) id of the app that administers Exchange Online, in the same directory.',
  },
  {
    name: 'ExchangeSecretArn', group: provisioning, default: '', pattern: secretArn, says: secretSays,
    description: 'With certificate or secret: ARN of the secret in Secrets Manager that holds its certificate with the private key, or its client secret.',
  },
  {
    name: 'ExchangeSecretExpires', group: provisioning, default: '', pattern: day, says: 'Write the day as 2027-01-31.',
    description: 'With secret: the day its client secret ends, as 2027-01-31.',
  },
  {
    name: 'WorkspaceCredential', group: provisioning, default: 'none', values: ['none', 'federated', 'key'],
    description: 'How the service account that administers Google Workspace proves itself; it is another one than the account above. none: mailboxes there are administered from elsewhere. The rest is as for GoogleCredential.',
  },
  {
    name: 'WorkspaceAccount', group: provisioning, default: '', pattern: address, says: 'Write an e-mail address such as postroom-admin@project.iam.gserviceaccount.com.',
    description: 'With federated: e-mail address of the service account that administers Google Workspace.',
  },
  {
    name: 'WorkspaceAdmin', group: provisioning, default: '', pattern: address, says: 'Write the e-mail address of an administrator.',
    description: 'Address of the administrator for whom it acts, who needs the rights over users and groups and no more.',
  },
  {
    name: 'WorkspaceProvider', group: provisioning, default: '', pattern: '^$|^projects/[0-9]+/locations/global/workloadIdentityPools/[^/]+/providers/[^/]+$', says: 'Write projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, with the number of the project, not its name.',
    description: 'With federated: full name of the workload identity provider. Empty: the one above.',
  },
  {
    name: 'WorkspaceSecretArn', group: provisioning, default: '', pattern: secretArn, says: secretSays,
    description: 'With key: ARN of the secret in Secrets Manager that holds the key file (JSON) of that service account.',
  },
  {
    name: 'DriftSchedule', group: provisioning, default: 'rate(1 day)', pattern: '^(off|rate\\([1-9][0-9]{0,4} (minute|hour|day)s?\\)|cron\\([0-9A-Z*,/?#L -]+\\))$', says: 'Write rate(1 day), another rate(...) or cron(...) of EventBridge Scheduler, or off.',
    description: 'How often it is looked whether mailboxes, members or permissions differ from the manifest. Nothing is changed; what is new is sent to the topic of the alarms. off: never.',
  },
  {
    name: 'ManifestParameter', group: deployment, default: '', pattern: '^$|^/[a-zA-Z0-9_./-]+$', says: 'Write the name of an SSM parameter with its slash, such as /postroom/manifest.',
    description: 'SSM parameter that holds the manifest, such as /postroom/manifest, up to 8 KB. Empty: an S3 bucket is made for it (recommended).',
  },
  {
    name: 'Url', group: deployment, default: '', pattern: '^$|^https://[a-z0-9.:-]+(/[a-zA-Z0-9._~/-]*[a-zA-Z0-9._~-])?$', says: 'Write an https URL without a slash at its end, such as https://postroom.example.com.',
    description: 'https URL under which Microsoft and Google reach the hooks, where you put a domain of your own before the API. Empty: the address of the API.',
  },
  {
    name: 'Sweep', group: deployment, default: '15m', pattern: '^([1-9][0-9]{0,2}m|([1-9]|1[0-9]|2[0-4])h)$', says: 'Write minutes or hours, such as 15m or 1h; at most 24h.',
    description: 'How often every mailbox is read even when nothing is heard of it, because notifications get lost.',
  },
  {
    name: 'OwnKey', group: deployment, default: 'no', values: ['no', 'yes'],
    description: 'Encrypt everything with a KMS key of your own, made by this stack (about 1 USD a month, and requests). no: with keys that AWS manages.',
  },
  {
    name: 'SecretsKeyArn', group: deployment, default: '', pattern: '^$|^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+$', says: 'Write the ARN of the key (not of an alias), which begins with arn:aws:kms:',
    description: 'ARN of the KMS key with which the secrets above are encrypted. Empty when it is the one that Secrets Manager takes by itself.',
  },
  {
    name: 'AlarmEmail', group: watching, default: '', pattern: address, says: 'Write one e-mail address, or nothing.',
    description: 'Address to which alarms are sent. AWS first asks it to confirm. Empty: subscribe to the topic yourself.',
  },
  {
    name: 'StaleMinutes', group: watching, default: 60, min: 60, max: 10080,
    description: 'Alarm when some mailbox has not been read successfully for this many minutes. Keep it at three times the sweep or more.',
  },
  {
    name: 'OldestHintSeconds', group: watching, default: 900, min: 300, max: 86400,
    description: 'Alarm when a mailbox known to have changed has waited this many seconds for its turn.',
  },
  {
    name: 'LogRetentionDays', group: watching, default: 30, values: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
    description: 'How many days logs are kept. They name mailboxes, never customers or subjects.',
  },
  {
    name: 'LogLevel', group: watching, default: 'info', values: ['debug', 'info', 'warn', 'error'],
    description: 'The least level that is logged.',
  },
  {
    name: 'SyncConcurrency', group: limits, default: 5, min: 2, max: 1000,
    description: 'How many mailboxes are worked at once, at most. A new AWS account may run 10 functions at once in all: raise that limit before this one.',
  },
  {
    name: 'IngestReserved', group: limits, default: 0, min: 0, max: 1000,
    description: 'Concurrency reserved for the function that takes notifications; it cannot have more either. 0: none reserved. A new AWS account has too little for any.',
  },
  {
    name: 'SyncReserved', group: limits, default: 0, min: 0, max: 1000,
    description: 'The same for the function that works the mailboxes. If not 0, not under the number worked at once.',
  },
  {
    name: 'TickReserved', group: limits, default: 0, min: 0, max: 10,
    description: 'The same for the function that runs each minute. 1 is plenty.',
  },
  {
    name: 'ProvisionReserved', group: limits, default: 0, min: 0, max: 10,
    description: 'The same for the function that administers the tenants. Whatever it is, one change is made at a time. 1 is plenty.',
  },
  {
    name: 'RequestRate', group: limits, default: 200, min: 1, max: 10000,
    description: 'Requests a second that the hooks take in all; more are turned away, and Microsoft and Google repeat them.',
  },
  {
    name: 'RequestBurst', group: limits, default: 400, min: 1, max: 5000,
    description: 'Requests that the hooks take at one moment.',
  },
  {
    name: 'Waf', group: limits, default: 'no', values: ['no', 'yes'],
    description: 'Put AWS WAF before the hooks (about 9 USD a month, and requests). It works before REST APIs alone, so that yes makes a REST API in place of the HTTP API, with another address. Decide before you register the address at Google.',
  },
  {
    name: 'WafRate', group: limits, default: 20000, min: 100, max: 2000000,
    description: 'With WAF: requests in 5 minutes from one address before it is blocked for a while. Microsoft and Google send everything from few addresses.',
  },
];

/** Resolved is every setting with a value. */
export type Resolved = Readonly<Record<string, string | number>>;

/** property is the name of a setting among the construct's properties. */
export function property(name: string): keyof PostroomProps {
  return (name[0].toLowerCase() + name.slice(1)) as keyof PostroomProps;
}

/**
 * resolve takes the settings out of a construct's properties, with the defaults where there are none. It throws everything
 * that is wrong at once.
 */
export function resolve(props: PostroomProps): Resolved {
  const values: Record<string, string | number> = {};
  const wrong: string[] = [];
  for (const s of settings) {
    const given = props[property(s.name)] ?? s.default;
    const value = typeof given === 'boolean' ? (given ? 'yes' : 'no') : (given as string | number);
    values[s.name] = value;
    const problem = check(s, value);
    if (problem) wrong.push(`${property(s.name)}: ${problem}`);
  }
  wrong.push(...contradictions(values));
  if (wrong.length > 0) throw new Error(`Postroom cannot be deployed like this:\n  ${wrong.join('\n  ')}`);
  return values;
}

function check(s: Setting, value: string | number): string {
  if (typeof value !== typeof s.default) return `write a ${typeof s.default}`;
  if (s.values && !s.values.includes(value)) return `write one of ${s.values.join(', ')}`;
  if (s.pattern && !new RegExp(s.pattern).test(String(value))) return s.says ?? `does not match ${s.pattern}`;
  if (typeof value !== 'number') return '';
  if (!Number.isInteger(value)) return 'write a whole number';
  if ((s.min !== undefined && value < s.min) || (s.max !== undefined && value > s.max)) return `write a number from ${s.min} to ${s.max}`;
  return '';
}

/** Demand is one that concerns several settings: when all of "when" hold, each of "then" must not be its "not". */
export interface Demand {
  readonly name: string;
  readonly when: Readonly<Record<string, readonly string[]>>;
  readonly then: readonly string[];
  readonly says: string;
}

/** What must be given together. The Rules of the SAM template are these. */
export const demands: readonly Demand[] = [
  { name: 'GraphNeedsApp', when: { GraphCredential: ['federated', 'certificate', 'secret'] }, then: ['GraphTenant', 'GraphClient'], says: 'With mailboxes at Microsoft 365, give the tenant and the client id of the app registration.' },
  { name: 'GraphNeedsSecret', when: { GraphCredential: ['certificate', 'secret'] }, then: ['GraphSecretArn'], says: 'With a certificate or a client secret, give the ARN of the secret that holds it.' },
  { name: 'GraphNeedsExpiry', when: { GraphCredential: ['secret'] }, then: ['GraphSecretExpires'], says: 'With a client secret, give the day it ends.' },
  { name: 'GoogleNeedsProvider', when: { GoogleCredential: ['federated'] }, then: ['GoogleAccount', 'GoogleProvider'], says: 'With federated, give the service account and the workload identity provider.' },
  { name: 'GoogleNeedsSecret', when: { GoogleCredential: ['key'] }, then: ['GoogleSecretArn'], says: 'With a key, give the ARN of the secret that holds it.' },
  { name: 'ExchangeNeedsApp', when: { ExchangeCredential: ['federated', 'certificate', 'secret'] }, then: ['GraphTenant', 'ExchangeClient'], says: 'To administer Exchange Online, give the tenant and the client id of the app that is for it.' },
  { name: 'ExchangeNeedsSecret', when: { ExchangeCredential: ['certificate', 'secret'] }, then: ['ExchangeSecretArn'], says: 'With a certificate or a client secret, give the ARN of the secret that holds it.' },
  { name: 'ExchangeNeedsExpiry', when: { ExchangeCredential: ['secret'] }, then: ['ExchangeSecretExpires'], says: 'With a client secret, give the day it ends.' },
  { name: 'WorkspaceNeedsAdmin', when: { WorkspaceCredential: ['federated', 'key'] }, then: ['WorkspaceAdmin'], says: 'To administer Google Workspace, give the administrator for whom it is done.' },
  { name: 'WorkspaceNeedsAccount', when: { WorkspaceCredential: ['federated'] }, then: ['WorkspaceAccount'], says: 'With federated, give the service account.' },
  { name: 'WorkspaceNeedsSecret', when: { WorkspaceCredential: ['key'] }, then: ['WorkspaceSecretArn'], says: 'With a key, give the ARN of the secret that holds it.' },
];

/** What stands or falls together: all of them are given, or none. In the SAM template each is a rule for each of them. */
export const together: readonly string[] = ['GoogleTopic', 'GoogleSubscription', 'GooglePushAccount'];
export const togetherSays = 'Topic, push subscription and push account go together: give all three, or none for looking at each minute.';

function contradictions(values: Resolved): string[] {
  const wrong: string[] = [];
  for (const d of demands) {
    if (!Object.entries(d.when).every(([name, words]) => words.includes(String(values[name])))) continue;
    const missing = d.then.filter((name) => values[name] === '');
    if (missing.length > 0) wrong.push(`${missing.map(property).join(', ')}: ${d.says}`);
  }
  const given = together.filter((name) => values[name] !== '');
  if (given.length > 0 && given.length < together.length) wrong.push(`${together.map(property).join(', ')}: ${togetherSays}`);
  return wrong;
}
