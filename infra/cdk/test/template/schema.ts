import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import type { PropertyType, Resource as Specified, SpecDatabase } from '@aws-cdk/service-spec-types';
import type { Evaluated } from './evaluate';

let database: SpecDatabase | undefined;

/** specification is AWS's own description of a resource type; undefined when there is no such type. */
export function specification(type: string): Specified | undefined {
  database ??= loadAwsServiceSpecSync();
  return database.lookup('resource', 'cloudFormationType', 'equals', type)[0];
}

/** What SAM has taken up since the specification was drawn up ("AWS::Serverless::Function", properties). */
const overlay: Readonly<Record<string, Readonly<Record<string, PropertyType>>>> = {
  'AWS::Serverless::Function': { LoggingConfig: { type: 'json' }, RecursiveLoop: { type: 'string', allowedValues: ['Allow', 'Terminate'] } },
};

/** Attributes that AWS documents and the specification lacks. */
const attributes: Readonly<Record<string, readonly string[]>> = { 'AWS::Serverless::Function': ['Arn'] };

/**
 * violations tells where an evaluated template departs from AWS's resource schemas: unknown types and properties, missing ones,
 * wrong types, values that are not among the allowed ones, attributes that a resource does not have.
 */
export function violations(e: Evaluated): string[] {
  const found: string[] = [];
  for (const [name, r] of Object.entries(e.resources)) {
    const spec = specification(r.type);
    if (!spec) {
      found.push(`${name}: there is no resource type ${r.type}`);
      continue;
    }
    const types = Object.fromEntries(Object.entries(spec.properties).map(([k, p]) => [k, { types: [p.type, ...(p.previousTypes ?? [])], required: p.required ?? false }]));
    for (const [k, type] of Object.entries(overlay[r.type] ?? {})) types[k] ??= { types: [type], required: false };
    object(r.properties, types, `${name}`, found);
  }
  for (const { name, attribute } of gets(e)) {
    const type = e.resources[name]?.type ?? '';
    const known = [...Object.keys(specification(type)?.attributes ?? {}), ...(attributes[type] ?? [])];
    if (!known.includes(attribute)) found.push(`${name}: ${type} has no attribute ${attribute}`);
  }
  return found;
}

type Properties = Record<string, { readonly types: PropertyType[]; readonly required: boolean }>;

function object(value: object, properties: Properties, at: string, found: string[]): void {
  for (const [k, p] of Object.entries(properties)) {
    if (p.required && !(k in value)) found.push(`${at}: ${k} is missing`);
  }
  for (const [k, v] of Object.entries(value)) {
    const p = properties[k];
    if (!p) found.push(`${at}: there is no property ${k}`);
    else either(v, p.types, `${at}.${k}`, found);
  }
}

/** either takes a value that fits one of several types; otherwise it tells what is wrong by the first. */
function either(value: unknown, types: readonly PropertyType[], at: string, found: string[]): void {
  const tried = types.map((type) => {
    const complaints: string[] = [];
    fits(value, type, at, complaints);
    return complaints;
  });
  if (!tried.some((complaints) => complaints.length === 0)) found.push(...tried[0]);
}

function fits(value: unknown, type: PropertyType, at: string, found: string[]): void {
  const wrong = (wanted: string): void => void found.push(`${at}: ${JSON.stringify(value)} is no ${wanted}`);
  switch (type.type) {
    case 'string':
      if (typeof value !== 'string') wrong('text');
      else if (type.allowedValues && !value.includes('<') && !type.allowedValues.includes(value)) found.push(`${at}: ${value} is not one of ${type.allowedValues.join(', ')}`);
      return;
    case 'integer':
      if (!Number.isInteger(value)) wrong('whole number');
      else if (type.allowedValues && !type.allowedValues.includes(value as number)) found.push(`${at}: ${value} is not one of ${type.allowedValues.join(', ')}`);
      return;
    case 'number':
      if (typeof value !== 'number') wrong('number');
      return;
    case 'boolean':
      if (typeof value !== 'boolean') wrong('boolean');
      return;
    case 'date-time':
      if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) wrong('time');
      return;
    case 'json':
      if (typeof value !== 'object' || value === null) wrong('object');
      return;
    case 'array':
      if (!Array.isArray(value)) wrong('list');
      else value.forEach((v, i) => fits(v, type.element, `${at}[${i}]`, found));
      return;
    case 'map':
      if (!isObject(value)) wrong('map');
      else for (const [k, v] of Object.entries(value)) fits(v, type.element, `${at}.${k}`, found);
      return;
    case 'tag': {
      const text = { types: [{ type: 'string' } as PropertyType], required: true };
      if (!isObject(value)) wrong('tag');
      else object(value, { Key: text, Value: text }, at, found);
      return;
    }
    case 'union':
      either(value, type.types, at, found);
      return;
    case 'ref': {
      if (!isObject(value)) {
        wrong('object');
        return;
      }
      const definition = database!.get('typeDefinition', type.reference.$ref);
      object(value, Object.fromEntries(Object.entries(definition.properties).map(([k, p]) => [k, { types: [p.type, ...(p.previousTypes ?? [])], required: p.required ?? false }])), at, found);
      return;
    }
  }
  found.push(`${at}: the checker does not know the type ${type.type}`);
}

function isObject(v: unknown): v is object {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

function gets(e: Evaluated): { name: string; attribute: string }[] {
  const all = JSON.stringify([e.resources, e.outputs]).matchAll(/<([A-Za-z0-9]+)\.([A-Za-z0-9.]+)>/g);
  return [...all].map(([, name, attribute]) => ({ name, attribute }));
}
