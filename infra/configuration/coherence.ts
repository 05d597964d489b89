import type { z } from 'zod';
import { handlerNeeds } from '../handler-needs.ts';
import { missingServices } from '../network/needed-services.ts';
import type { ConfigurationFields } from './schema.ts';

type Fields = z.infer<typeof ConfigurationFields>;

/** What no field can say about itself. */
export function checkCoherence(given: Fields, context: z.RefinementCtx): void {
  const refuse = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  const { source, targets, store, network, notifications, lambda } = given;

  if (!source && targets.length === 0) refuse(['source'], 'is left out, and there is no target either');
  if (!source && !store.restoreFrom)
    refuse(['store', 'restoreFrom'], 'is needed where there is no source to make backups');
  const names = targets.map(({ name }) => name);
  names.forEach((name, index) => {
    if (names.indexOf(name) < index)
      refuse(['targets', index, 'name'], `${name} is the name of another target`);
  });
  targets.forEach(({ schedule }, index) => {
    if (schedule?.run === 'replicate' && (!source || store.restoreFrom))
      refuse(
        ['targets', index, 'schedule', 'run'],
        'replicate makes a backup in this deployment and restores it: it needs a source, and no store.restoreFrom',
      );
  });

  targets.forEach(({ media }, index) => {
    if (!media || !('copyTo' in media)) return;
    const bucketOf = (uri: string) => `${uri.replace(/\/+$/, '')}/`;
    const [from, to] = [bucketOf(media.copyFrom), bucketOf(media.copyTo)];
    if (from.startsWith(to) || to.startsWith(from))
      refuse(['targets', index, 'media', 'copyTo'], 'overlaps with copyFrom');
  });

  checkLifecycle(store, refuse);
  if (store.replication && store.key !== 'none' && !store.replication.keyArn)
    refuse(['store', 'replication', 'keyArn'], 'is needed to replicate what a KMS key encrypts');

  if (network.access === 'endpoints') {
    if (!network.vpcId) refuse(['network', 'vpcId'], 'is needed to make endpoints in the VPC');
    if (network.routeTableIds.length === 0)
      refuse(['network', 'routeTableIds'], 'is needed for the gateway endpoint of S3');
  } else if (network.routeTableIds.length > 0)
    refuse(['network', 'routeTableIds'], 'is of use with access: endpoints only');
  if (network.access === 'existing') {
    const missing = missingServices(given);
    if (missing.length > 0)
      refuse(
        ['network', 'existingEndpoints'],
        `lacks ${missing.join(', ')}, which functions call from the VPC`,
      );
  } else if (network.existingEndpoints.length > 0)
    refuse(['network', 'existingEndpoints'], 'is of use with access: existing only');

  if (notifications.topicKeyArn && !notifications.topicArn)
    refuse(['notifications', 'topicKeyArn'], 'is the key of topicArn, which is left out');
  for (const field of ['memory', 'reservedConcurrency'] as const)
    for (const handler of Object.keys(lambda[field]))
      if (!handlerNeeds[handler]) refuse(['lambda', field, handler], 'is not a handler');
}

function checkLifecycle(
  { transitions, backupsExpireAfterDays: expire, objectLock }: Fields['store'],
  refuse: (path: (string | number)[], message: string) => void,
): void {
  transitions.forEach(({ afterDays, storageClass }, index) => {
    const path = ['store', 'transitions', index, 'afterDays'];
    if (storageClass === 'STANDARD_IA' && afterDays < 30)
      refuse(path, 'S3 wants 30 days or more before STANDARD_IA');
    const before = transitions[index - 1];
    if (before && afterDays <= before.afterDays) refuse(path, 'must be later than the transition before it');
    if (expire !== undefined && afterDays >= expire) refuse(path, 'must be before backups expire');
  });
  if (objectLock && expire !== undefined && expire < objectLock.days)
    refuse(
      ['store', 'backupsExpireAfterDays'],
      `is before the ${objectLock.days} days of objectLock are over`,
    );
}
