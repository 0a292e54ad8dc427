import { Stack } from 'aws-cdk-lib';
import type { CfnStage } from 'aws-cdk-lib/aws-apigateway';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as waf from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';
import type { Resolved } from './settings';

/**
 * Rules of AWS's common set that only count. Notifications come many to a request, over the 8 KiB that the set takes for
 * too large, and nobody promises that they name a user agent.
 */
const counted = ['NoUserAgent_HEADER', 'SizeRestrictions_BODY'];

/** firewall puts AWS WAF before a stage of a REST API, and logs what it sees but for tokens and the handshake's query. */
export function firewall(scope: Construct, values: Resolved, key: kms.IKey | undefined, stage: CfnStage, stageArn: string): void {
  const stack = Stack.of(scope);
  const visible = (metricName: string): waf.CfnWebACL.VisibilityConfigProperty => ({ cloudWatchMetricsEnabled: true, metricName, sampledRequestsEnabled: true });
  const managed = (name: string, priority: number, counting: string[] = []): waf.CfnWebACL.RuleProperty => ({
    name,
    priority,
    overrideAction: { none: {} },
    statement: {
      managedRuleGroupStatement: {
        vendorName: 'AWS',
        name: `AWSManagedRules${name}`,
        ruleActionOverrides: counting.length > 0 ? counting.map((rule) => ({ name: rule, actionToUse: { count: {} } })) : undefined,
      },
    },
    visibilityConfig: visible(name),
  });
  const acl = new waf.CfnWebACL(scope, 'WebAcl', {
    description: 'Before the hooks of Postroom',
    scope: 'REGIONAL',
    defaultAction: { allow: {} },
    rules: [
      managed('AmazonIpReputationList', 0),
      managed('KnownBadInputsRuleSet', 1),
      managed('CommonRuleSet', 2, counted),
      {
        name: 'Rate',
        priority: 3,
        action: { block: {} },
        statement: { rateBasedStatement: { aggregateKeyType: 'IP', evaluationWindowSec: 300, limit: Number(values.WafRate) } },
        visibilityConfig: visible('Rate'),
      },
    ],
    visibilityConfig: visible('WebAcl'),
  });
  new waf.CfnWebACLAssociation(scope, 'WebAclAssociation', { webAclArn: acl.attrArn, resourceArn: stageArn }).addResourceDependency(stage);

  // WAF takes no log group whose name begins otherwise.
  const log = new logs.CfnLogGroup(scope, 'WafLogs', { logGroupName: `aws-waf-logs-postroom-${stack.stackName}`, retentionInDays: Number(values.LogRetentionDays), kmsKeyId: key?.keyArn });
  new waf.CfnLoggingConfiguration(scope, 'WafLogging', {
    resourceArn: acl.attrArn,
    logDestinationConfigs: [stack.formatArn({ service: 'logs', resource: `log-group:${log.ref}` })],
    redactedFields: [{ singleHeader: { Name: 'authorization' } }, { queryString: {} }],
  });
}
