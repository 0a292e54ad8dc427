/** A CloudFormation template, as far as the tests read it. */
export interface Template {
  readonly Parameters?: Readonly<Record<string, Parameter>>;
  readonly Rules?: Readonly<Record<string, unknown>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Globals?: { readonly Function?: Readonly<Record<string, unknown>> };
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Description?: string; readonly Value: unknown }>>;
}

export interface Parameter {
  readonly Type: string;
  readonly Default?: string | number;
  readonly [key: string]: unknown;
}

export interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/** Evaluated is what CloudFormation would make of a template: no parameters, conditions or functions are left. */
export interface Evaluated {
  readonly resources: Record<string, { type: string; properties: Record<string, unknown>; dependsOn: string[]; deletion: string; replacement: string }>;
  readonly outputs: Record<string, { description: string; value: unknown }>;
  readonly conditions: Record<string, boolean>;
}

const pseudo: Readonly<Record<string, string>> = {
  'AWS::AccountId': '123456789012', 'AWS::Partition': 'aws', 'AWS::Region': 'eu-central-1', 'AWS::StackName': 'postroom', 'AWS::URLSuffix': 'amazonaws.com',
};

const nothing = Symbol('AWS::NoValue');

/**
 * evaluate works out a template for given parameters. What only AWS knows stays a word in angle brackets: <Table> for a Ref,
 * <Table.Arn> for a GetAtt. Resources get the names that rename gives them. It throws on a reference to what is not there.
 */
export function evaluate(t: Template, parameters: Readonly<Record<string, string | number>> = {}, rename = (logical: string): string => logical): Evaluated {
  const conditions: Record<string, boolean> = {};
  const used: string[][] = [[]];

  function condition(name: string): boolean {
    if (!(name in conditions)) {
      const c = t.Conditions?.[name];
      if (c === undefined) throw new Error(`there is no condition ${name}`);
      conditions[name] = value(c) as boolean;
    }
    return conditions[name];
  }
  function present(name: string): Resource {
    const r = t.Resources[name];
    if (!r) throw new Error(`there is no resource or parameter ${name}`);
    if (r.Condition && !condition(r.Condition)) throw new Error(`${name} is referred to where its condition ${r.Condition} does not hold`);
    used[used.length - 1].push(rename(name));
    return r;
  }
  function ref(name: string): unknown {
    if (name === 'AWS::NoValue') return nothing;
    if (name in pseudo) return pseudo[name];
    const p = t.Parameters?.[name];
    if (p) return parameters[name] ?? p.Default;
    present(name);
    return `<${rename(name)}>`;
  }
  function attribute(name: string, attr: string): string {
    present(name);
    return `<${rename(name)}.${attr}>`;
  }
  function sub(text: string, own: Readonly<Record<string, unknown>>): string {
    return text.replace(/\$\{([^}!]+)\}/g, (_, what: string) => {
      if (what in own) return String(value(own[what]));
      const dot = what.indexOf('.');
      return dot < 0 ? String(ref(what)) : attribute(what.slice(0, dot), what.slice(dot + 1));
    });
  }
  function value(v: unknown): unknown {
    if (Array.isArray(v)) return v.map(value).filter((x) => x !== nothing);
    if (v === null || typeof v !== 'object') return v;
    const entries = Object.entries(v);
    const [key, argument] = entries[0] ?? [''];
    if (entries.length === 1 && (key === 'Ref' || key === 'Condition' && typeof argument === 'string' || key.startsWith('Fn::'))) return call(key, argument);
    return Object.fromEntries(entries.map(([k, x]) => [k, value(x)]).filter(([, x]) => x !== nothing));
  }
  function call(name: string, argument: unknown): unknown {
    const list = argument as unknown[];
    switch (name) {
      case 'Ref': return ref(argument as string);
      case 'Condition': return condition(argument as string);
      case 'Fn::GetAtt': return attribute(list[0] as string, list[1] as string);
      case 'Fn::Sub': return Array.isArray(argument) ? sub(list[0] as string, list[1] as Record<string, unknown>) : sub(argument as string, {});
      case 'Fn::Join': return (value(list[1]) as unknown[]).join(list[0] as string);
      case 'Fn::If': return condition(list[0] as string) ? value(list[1]) : value(list[2]);
      case 'Fn::Equals': return String(value(list[0])) === String(value(list[1]));
      case 'Fn::Not': return !value(list[0]);
      case 'Fn::Or': return list.map(value).some(Boolean);
      case 'Fn::And': return list.map(value).every(Boolean);
    }
    throw new Error(`the tests do not know ${name}`);
  }

  for (const name of Object.keys(t.Conditions ?? {})) condition(name);
  const resources: Evaluated['resources'] = {};
  for (const [name, r] of Object.entries(t.Resources)) {
    if (r.Condition && !condition(r.Condition)) continue;
    used.push([]);
    const properties = value(r.Properties ?? {}) as Record<string, unknown>;
    const implied = used.pop()!;
    resources[rename(name)] = {
      type: r.Type,
      properties,
      // What a reference implies anyway is left out.
      dependsOn: [r.DependsOn ?? []].flat().map((d) => (present(d), rename(d))).filter((d) => !implied.includes(d)).sort(),
      deletion: r.DeletionPolicy ?? 'Delete',
      replacement: r.UpdateReplacePolicy ?? 'Delete',
    };
  }
  const outputs = Object.fromEntries(Object.entries(t.Outputs ?? {}).map(([name, o]) => [name, { description: o.Description ?? '', value: value(o.Value) }]));
  return { resources, outputs, conditions };
}

/** constructNames gives the CDK's logical ids the names of the SAM template: the path below the construct, without slashes. */
export function constructNames(t: Template): (logical: string) => string {
  return (logical) => {
    const at = String(t.Resources[logical]?.Metadata?.['aws:cdk:path'] ?? logical);
    return at.replace(/^[^/]*\/Postroom\//, '').replace(/\/Resource$/, '').replaceAll('/', '');
  };
}
