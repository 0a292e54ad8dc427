import { CustomResource, Duration } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

/** What follows is the manifest's and is written as in the manifest; docs/manifest.md has every key. */
export type InManifest = Readonly<Record<string, unknown>>;

/** A right at a mailbox. */
export type Right = 'open' | 'read' | 'send-as' | 'send-on-behalf' | 'unmapped';

/**
 * MailboxProps is a mailbox that is declared as a resource: the keys that a mailbox has in the manifest, in camel case, and what
 * is to become of it. Members are named as in the manifest of the deployment.
 */
export interface MailboxProps {
  /** The mailbox's address. Another one is another mailbox, which replaces this one. */
  readonly address: string;
  /** What becomes of the mailbox when the resource is deleted. delete: a mailbox that the resource has made is deleted, with all mail in it. Default: retain. */
  readonly removal?: 'retain' | 'delete';
  /** Let access, addresses and settings be taken away that are there and not declared. Default: they stay, and are counted in the attribute Held. */
  readonly allowRemove?: boolean;

  readonly provider: 'm365' | 'gmail';
  readonly name?: string;
  readonly aliases?: readonly string[];
  readonly agents?: readonly string[];
  readonly leads?: readonly string[];
  readonly readers?: readonly string[];
  readonly answerAs?: 'mailbox' | 'member';
  readonly autoMapping?: boolean;
  readonly access?: Readonly<Record<string, Right | readonly Right[]>>;
  readonly sentCopies?: boolean | { readonly as?: boolean; readonly 'on-behalf'?: boolean };
  readonly language?: string;
  readonly timezone?: string;
  readonly localisedFolders?: boolean;
  readonly quota?: string;
  readonly hidden?: boolean;
  readonly automaticReply?: 'off' | 'keep';
  readonly signIn?: 'blocked' | 'keep';
  readonly signature?: string;
  readonly licence?: string;
  readonly orgUnit?: string;
  readonly front?: { readonly group: string; readonly name?: string };
  readonly delegateGroup?: string;
  readonly assign?: { readonly strategy?: 'manual' | 'round-robin' | 'least-loaded'; readonly cap?: number; readonly sticky?: string };
  readonly tags?: InManifest;
  readonly rules?: readonly InManifest[];
  readonly markers?: InManifest;
  readonly closeByArchiving?: boolean;
  readonly folders?: readonly string[];
  readonly backlog?: string;
}

/** mailbox makes the resource. CloudFormation hands it to the function provision, and waits an hour for the answer. */
export function mailbox(scope: Construct, id: string, provision: lambda.IFunction, props: MailboxProps): CustomResource {
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(props)) if (value !== undefined) properties[name[0].toUpperCase() + name.slice(1)] = value;
  return new CustomResource(scope, id, { serviceToken: provision.functionArn, serviceTimeout: Duration.hours(1), resourceType: 'Custom::PostroomMailbox', properties });
}
