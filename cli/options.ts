/** Every option of every verb; a verb picks its own. Values that may hold secrets are never repeated in messages. */
export * from './options/cache.ts';
export * from './options/contents.ts';
export * from './options/deployment.ts';
export * from './options/places.ts';
export * from './options/profile.ts';
export * from './options/running.ts';
export * from './options/target.ts';
export * from './options/undo.ts';
