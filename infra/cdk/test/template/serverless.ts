import type { Template } from './evaluate';

/**
 * expand turns each AWS::Serverless::Function into the AWS::Lambda::Function that SAM makes of it, after "AWS CloudFormation
 * resources generated when AWS::Serverless::Function is specified". It knows the properties that our template has and throws on
 * any other, so that nothing is passed over: events, policies and aliases would make resources of their own.
 */
export function expand(t: Template): Template {
  const Resources = Object.fromEntries(Object.entries(t.Resources).map(([name, r]) => {
    if (r.Type !== 'AWS::Serverless::Function') return [name, r];
    const { CodeUri, Tracing, Tags, ...rest } = merge(t.Globals?.Function ?? {}, r.Properties ?? {}) as Record<string, unknown> & { Tags?: Record<string, unknown> };
    for (const property of Object.keys(rest)) {
      if (!same.includes(property)) throw new Error(`${name}: what SAM makes of ${property} is not known here`);
    }
    const Properties = {
      ...rest,
      Code: CodeUri,
      TracingConfig: { Mode: Tracing },
      Tags: Object.entries(Tags ?? {}).map(([Key, Value]) => ({ Key, Value })),
    };
    return [name, { ...r, Type: 'AWS::Lambda::Function', Properties }];
  }));
  const { Globals: _, ...others } = t;
  return { ...others, Resources };
}

/** globals puts Globals into the functions, and leaves their type. */
export function globals(t: Template): Template {
  const Resources = Object.fromEntries(Object.entries(t.Resources).map(([name, r]) =>
    [name, r.Type === 'AWS::Serverless::Function' ? { ...r, Properties: merge(t.Globals?.Function ?? {}, r.Properties ?? {}) } : r]));
  return { ...t, Resources };
}

/** Properties that both kinds of function have, with the same meaning. */
const same = ['Architectures', 'Description', 'Environment', 'Handler', 'LoggingConfig', 'MemorySize', 'RecursiveLoop', 'ReservedConcurrentExecutions', 'Role', 'Runtime', 'Timeout'];

/** merge is SAM's: a function's own map is added to the global one, anything else takes its place. */
function merge(all: Readonly<Record<string, unknown>>, own: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...all };
  for (const [key, value] of Object.entries(own)) {
    const both = isMap(merged[key]) && isMap(value);
    merged[key] = both ? merge(merged[key] as Record<string, unknown>, value as Record<string, unknown>) : value;
  }
  return merged;
}

function isMap(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null && !Array.isArray(v) && !Object.keys(v).some((k) => k === 'Ref' || k.startsWith('Fn::'));
}
