import { Stack } from 'aws-cdk-lib';
import * as rest from 'aws-cdk-lib/aws-apigateway';
import * as http from 'aws-cdk-lib/aws-apigatewayv2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { firewall } from './firewall';
import type { Resolved } from './settings';

/** What is served, and nothing else: anything else is answered by API Gateway and starts no function. */
const routes = { GraphRoute: 'POST /hooks/graph', GraphLifecycleRoute: 'POST /hooks/graph/lifecycle', GmailRoute: 'POST /hooks/gmail', HealthRoute: 'GET /healthz' } as const;

/** What the access log says of a request. The query is left out, because Graph's handshake is in it. */
const accessLog = {
  requestId: '$context.requestId', ip: '$context.identity.sourceIp', time: '$context.requestTime', route: '$context.routeKey',
  status: '$context.status', bytes: '$context.responseLength', milliseconds: '$context.responseLatency', error: '$context.integrationErrorMessage',
};

/** The REST API's stage, a part of its address. */
const stageName = 'v1';

/**
 * Hooks is the way in for Microsoft and Google: an HTTP API, or with AWS WAF a REST API, because WAF cannot stand before an
 * HTTP API ("Resources that you can protect with AWS WAF").
 */
export class Hooks {
  /** Where the hooks are reached, without a slash at its end. */
  readonly url: string;
  private readonly httpApi?: http.CfnApi;
  private readonly restApi?: rest.CfnRestApi;

  constructor(private readonly scope: Construct, private readonly values: Resolved, private readonly key?: kms.IKey) {
    const stack = Stack.of(scope);
    const name = `${stack.stackName}-hooks`;
    const description = 'Takes the notifications of Microsoft Graph and Gmail';
    const host = (id: string): string => `https://${id}.execute-api.${stack.region}.${stack.urlSuffix}`;
    let url: string;
    if (values.Waf === 'yes') {
      this.restApi = new rest.CfnRestApi(scope, 'RestApi', { name, description, endpointConfiguration: { types: ['REGIONAL'] } });
      url = `${host(this.restApi.ref)}/${stageName}`;
    } else {
      this.httpApi = new http.CfnApi(scope, 'HttpApi', { name, description, protocolType: 'HTTP' });
      url = host(this.httpApi.ref);
    }
    this.url = values.Url === '' ? url : String(values.Url);
  }

  /** The API's id, and the dimension under which CloudWatch has its metrics. */
  get dimension(): { readonly name: string; readonly value: string } {
    return this.restApi ? { name: 'ApiName', value: `${Stack.of(this.scope).stackName}-hooks` } : { name: 'ApiId', value: this.httpApi!.ref };
  }

  /** serve puts the function behind the routes. It comes after the function, which must know the address. */
  serve(ingest: lambda.Function): void {
    if (this.restApi) this.serveRest(this.restApi, ingest);
    else this.serveHttp(this.httpApi!, ingest);
    new lambda.CfnPermission(this.scope, 'HooksPermission', {
      action: 'lambda:InvokeFunction',
      functionName: ingest.functionName,
      principal: 'apigateway.amazonaws.com',
      sourceArn: Stack.of(this.scope).formatArn({ service: 'execute-api', resource: (this.restApi ?? this.httpApi)!.ref, resourceName: '*' }),
    });
  }

  private serveHttp(api: http.CfnApi, ingest: lambda.Function): void {
    const { scope, values } = this;
    const integration = new http.CfnIntegration(scope, 'HooksIntegration', {
      apiId: api.ref, integrationType: 'AWS_PROXY', integrationUri: ingest.functionArn, payloadFormatVersion: '2.0', timeoutInMillis: 10000,
    });
    for (const [id, routeKey] of Object.entries(routes)) {
      new http.CfnRoute(scope, id, { apiId: api.ref, routeKey, target: `integrations/${integration.ref}` });
    }
    // Under this prefix CloudWatch needs no policy for each log group, of which an account has room for few.
    const log = new logs.CfnLogGroup(scope, 'HooksLogs', { logGroupName: `/aws/vendedlogs/postroom/${Stack.of(scope).stackName}/hooks`, retentionInDays: Number(values.LogRetentionDays), kmsKeyId: this.key?.keyArn });
    new http.CfnStage(scope, 'HooksStage', {
      apiId: api.ref,
      stageName: '$default',
      autoDeploy: true,
      accessLogSettings: { destinationArn: log.attrArn, format: JSON.stringify(accessLog) },
      defaultRouteSettings: { throttlingBurstLimit: Number(values.RequestBurst), throttlingRateLimit: Number(values.RequestRate) },
    });
  }

  /** serveRest has no access log: a REST API's needs a role that counts for the whole account and region. WAF logs requests. */
  private serveRest(api: rest.CfnRestApi, ingest: lambda.Function): void {
    const { scope, values } = this;
    const stack = Stack.of(scope);
    const part = (id: string, parentId: string, pathPart: string): string => new rest.CfnResource(scope, id, { restApiId: api.ref, parentId, pathPart }).ref;
    const hooks = part('HooksPath', api.attrRootResourceId, 'hooks');
    const graph = part('GraphPath', hooks, 'graph');
    const ids: Record<keyof typeof routes, string> = {
      GraphRoute: graph, GraphLifecycleRoute: part('GraphLifecyclePath', graph, 'lifecycle'), GmailRoute: part('GmailPath', hooks, 'gmail'), HealthRoute: part('HealthPath', api.attrRootResourceId, 'healthz'),
    };
    const methods = Object.entries(routes).map(([id, route]) => new rest.CfnMethod(scope, `${id.replace('Route', '')}Method`, {
      restApiId: api.ref,
      resourceId: ids[id as keyof typeof routes],
      httpMethod: route.split(' ')[0],
      authorizationType: 'NONE', // the hooks verify who calls: clientState at Graph, a signed token at Google
      integration: {
        type: 'AWS_PROXY',
        integrationHttpMethod: 'POST',
        timeoutInMillis: 10000,
        uri: `arn:${stack.partition}:apigateway:${stack.region}:lambda:path/2015-03-31/functions/${ingest.functionArn}/invocations`,
      },
    }));
    // A copy of the routes as they are when it is made, and never changed: routes that change need one of another name.
    const deployment = new rest.CfnDeployment(scope, 'RestDeployment', { restApiId: api.ref });
    for (const m of methods) deployment.addResourceDependency(m);
    const stage = new rest.CfnStage(scope, 'RestStage', {
      restApiId: api.ref,
      deploymentId: deployment.ref,
      stageName,
      tracingEnabled: true,
      methodSettings: [{ httpMethod: '*', resourcePath: '/*', throttlingBurstLimit: Number(values.RequestBurst), throttlingRateLimit: Number(values.RequestRate) }],
    });
    firewall(scope, values, this.key, stage, `arn:${stack.partition}:apigateway:${stack.region}::/restapis/${api.ref}/stages/${stageName}`);
  }
}
