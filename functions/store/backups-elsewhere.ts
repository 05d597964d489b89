import type { ObjectFacts, ObjectStore } from './object-store.ts';

/**
 * A store of one's own whose objects below `folder` are read from another store, where nothing is written: backups of
 * another account, restored by runs whose working objects and locks are here.
 */
export function readingElsewhere(own: ObjectStore, folder: string, other: ObjectStore): ObjectStore {
  const storeOf = (key: string) => (key.startsWith(folder) ? other : own);
  return {
    bucket: own.bucket,
    prefix: own.prefix,
    uri: (key) => storeOf(key).uri(key),
    head: (key) => storeOf(key).head(key),
    get: (key) => storeOf(key).get(key),
    read: (key, range, pin, signal) => storeOf(key).read(key, range, pin, signal),
    list: (under): AsyncIterable<ObjectFacts> => storeOf(under).list(under),
    listFolders: (under) => storeOf(under).listFolders(under),
    put: (key, body, contentType) => own.put(key, body, contentType),
    putNew: (key, body, contentType) => own.putNew(key, body, contentType),
    upload: (key, body, signal) => own.upload(key, body, signal),
    compose: (key, pieces, contentType, signal) => own.compose(key, pieces, contentType, signal),
    composeSome: (key, pieces, contentType, isNearlyOver, signal) =>
      own.composeSome(key, pieces, contentType, isNearlyOver, signal),
    retain: (key, retention) => own.retain(key, retention),
    remove: (keys) => own.remove(keys),
    listUploads: (under) => own.listUploads(under),
    abortUpload: (upload) => own.abortUpload(upload),
  };
}
