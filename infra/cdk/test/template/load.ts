import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { parse, type ScalarTag, type CollectionTag, type Tags } from 'yaml';
import { Postroom, type PostroomProps } from '../../lib/postroom';
import { property, settings } from '../../lib/settings';
import type { Template } from './evaluate';

/** Directory infra/cdk; the tests run from its build directory. */
export const here = path.resolve(__dirname, '../../..');
export const repository = path.resolve(here, '../..');
export const testdata = path.join(here, 'test/testdata');

/** Stands for the built functions, so that no test waits for a build. */
export const stubs = path.join(testdata, 'functions');

export const samFile = path.join(repository, 'infra/sam/template.yaml');

/** readSam parses the SAM template, with CloudFormation's short forms in their long ones. */
export function readSam(text = fs.readFileSync(samFile, 'utf8')): Template {
  return parse(text, { customTags: shortForms }) as Template;
}

const functions = ['And', 'Base64', 'Equals', 'FindInMap', 'GetAtt', 'If', 'ImportValue', 'Join', 'Not', 'Or', 'Select', 'Split', 'Sub'];
const name = (short: string): string => (short === 'Ref' || short === 'Condition' ? short : `Fn::${short}`);
const shortForms: Tags = [...functions, 'Ref', 'Condition'].flatMap((short): (ScalarTag | CollectionTag)[] => [
  {
    tag: `!${short}`,
    resolve: (text: string) => (short === 'GetAtt' ? { 'Fn::GetAtt': text.split('.') } : { [name(short)]: text }),
  },
  { tag: `!${short}`, collection: 'seq', resolve: (node) => ({ [name(short)]: (node as { toJSON(): unknown }).toJSON() }) },
]);

/** What somebody may deploy, in the words of the SAM parameters. Together they have every condition both ways. */
export const scenarios: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
  nothing: {},
  federated: {
    GraphCredential: 'federated', GraphTenant: '11111111-2222-3333-4444-555555555555', GraphClient: '66666666-7777-8888-9999-000000000000', GraphCloud: 'usgov', GraphAudience: 'api://AzureADTokenExchangeUSGov',
    GoogleCredential: 'federated', GoogleAccount: 'postroom@contoso.iam.gserviceaccount.com', GoogleProvider: 'projects/123456789/locations/global/workloadIdentityPools/aws/providers/aws',
    GoogleTopic: 'projects/contoso/topics/mail', GoogleSubscription: 'projects/contoso/subscriptions/mail', GooglePushAccount: 'push@contoso.iam.gserviceaccount.com', GoogleAudience: 'postroom',
    ExchangeCredential: 'federated', ExchangeClient: '77777777-8888-9999-0000-111111111111',
    WorkspaceCredential: 'federated', WorkspaceAccount: 'admin@contoso.iam.gserviceaccount.com', WorkspaceAdmin: 'it@contoso.com', DriftSchedule: 'cron(0 6 * * ? *)',
    AlarmEmail: 'ops@contoso.com', SyncConcurrency: 40, StaleMinutes: 240, OldestHintSeconds: 600, LogRetentionDays: 90, LogLevel: 'debug', Sweep: '1h', RequestRate: 300, RequestBurst: 500,
  },
  secrets: {
    GraphCredential: 'secret', GraphTenant: 'contoso.onmicrosoft.com', GraphClient: '66666666-7777-8888-9999-000000000000', GraphSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:graph-AbCdEf', GraphSecretExpires: '2027-01-31',
    GoogleCredential: 'key', GoogleSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:google-AbCdEf', GoogleKeyExpires: '2028-02-29',
    SecretsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555', ManifestParameter: '/postroom/manifest', Url: 'https://postroom.contoso.com',
    ExchangeCredential: 'secret', ExchangeClient: '77777777-8888-9999-0000-111111111111', ExchangeSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:exchange-AbCdEf', ExchangeSecretExpires: '2027-02-28',
    WorkspaceCredential: 'key', WorkspaceAdmin: 'it@contoso.com', WorkspaceSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:workspace-AbCdEf', DriftSchedule: 'off',
    IngestReserved: 20, SyncReserved: 50, TickReserved: 1, ProvisionReserved: 1,
  },
  guarded: {
    GraphCredential: 'certificate', GraphTenant: 'contoso.com', GraphClient: '66666666-7777-8888-9999-000000000000', GraphSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:graph-AbCdEf',
    WorkspaceCredential: 'federated', WorkspaceAccount: 'admin@contoso.iam.gserviceaccount.com', WorkspaceAdmin: 'it@contoso.com', WorkspaceProvider: 'projects/4711/locations/global/workloadIdentityPools/admin/providers/aws',
    OwnKey: 'yes', Waf: 'yes', WafRate: 5000,
  },
};

/** props is a scenario as the construct's properties. */
export function props(parameters: Readonly<Record<string, string | number>>): PostroomProps {
  const p: Record<string, unknown> = { functions: stubs };
  for (const [given, value] of Object.entries(parameters)) {
    const setting = settings.find((s) => s.name === given);
    if (!setting) throw new Error(`there is no setting ${given}`);
    p[property(given)] = setting.values?.includes('yes') ? value === 'yes' : value;
  }
  return p as PostroomProps;
}

const synthesised = new Map<string, string>();

/** synthesise gives the template of a stack called postroom that holds the construct, with the feature flags of cdk.json. */
export function synthesise(p: PostroomProps): Template {
  const key = JSON.stringify(p);
  if (!synthesised.has(key)) synthesised.set(key, JSON.stringify(app(p)));
  return JSON.parse(synthesised.get(key)!) as Template;
}

function app(p: PostroomProps): unknown {
  const { context } = JSON.parse(fs.readFileSync(path.join(here, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> };
  const outdir = fs.mkdtempSync(path.join(os.tmpdir(), 'postroom-cdk-'));
  try {
    const app = new App({ outdir, analyticsReporting: false, context: { ...context, 'aws:cdk:enable-path-metadata': true } });
    const stack = new Stack(app, 'postroom');
    new Postroom(stack, 'Postroom', p);
    return app.synth().getStackByName('postroom').template as unknown;
  } finally {
    fs.rmSync(outdir, { recursive: true, force: true });
  }
}
