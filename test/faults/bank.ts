import { setTimeout as sleep } from 'node:timers/promises';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';

const accounts = 4000;

/** Two tables that hold a million together, whatever moves between them, and a count of moves. */
const schema = `
  CREATE TABLE checking (id int PRIMARY KEY, amount bigint, filler text);
  CREATE TABLE saving (id int PRIMARY KEY, amount bigint, filler text);
  CREATE TABLE ledger (moves bigint);
  INSERT INTO checking SELECT g, 100, repeat(md5(g::text), 20) FROM generate_series(1, ${accounts}) g;
  INSERT INTO saving SELECT g, 100, repeat(md5(g::text), 20) FROM generate_series(1, ${accounts}) g;
  INSERT INTO ledger VALUES (0);
`;

/** Every account of both tables, `checking 7` to its amount. */
type Books = Map<string, number>;

export async function openBank(): Promise<FreshDatabase> {
  const database = await freshDatabase({ name: 'bank' });
  const session = await superuserSession(database.name);
  await session.execute(schema);
  await session.end();
  return database;
}

/** What the n-th move does: most pass money on, every fourth closes an account and opens it in the other table. */
function move(n: number) {
  const [from, to] = n % 2 ? ['saving', 'checking'] : ['checking', 'saving'];
  const payer = 1 + ((n * 7919) % accounts);
  const payee = 1 + ((n * 104_729) % accounts);
  return { from, to, payer, payee, closes: n % 4 === 3 };
}

function statements(n: number): string {
  const { from, to, payer, payee, closes } = move(n);
  const pass = `
    UPDATE ${from} SET amount = amount - 3 WHERE id = ${payer} AND EXISTS (SELECT FROM ${to} WHERE id = ${payee});
    UPDATE ${to} SET amount = amount + 3 WHERE id = ${payee} AND EXISTS (SELECT FROM ${from} WHERE id = ${payer})`;
  const close = `
    WITH closed AS (DELETE FROM ${from} WHERE id = ${payer} RETURNING *)
    INSERT INTO ${to} SELECT ${accounts} + ${n}, amount, filler FROM closed`;
  return `BEGIN; ${closes ? close : pass}; UPDATE ledger SET moves = moves + 1; COMMIT`;
}

/** The books after so many moves. */
function booksAfter(moves: number): Books {
  const books: Books = new Map();
  for (let id = 1; id <= accounts; id++) books.set(`checking ${id}`, 100).set(`saving ${id}`, 100);
  for (let n = 0; n < moves; n++) {
    const { from, to, payer, payee, closes } = move(n);
    const [paying, paid] = [books.get(`${from} ${payer}`), books.get(`${to} ${payee}`)];
    if (closes && paying !== undefined) {
      books.delete(`${from} ${payer}`);
      books.set(`${to} ${accounts + n}`, paying);
    } else if (!closes && paying !== undefined && paid !== undefined) {
      books.set(`${from} ${payer}`, paying - 3).set(`${to} ${payee}`, paid + 3);
    }
  }
  return books;
}

/** Moves money, and rows to new places, for as long as the work takes. */
export async function whileMoneyMoves<T>(
  bank: FreshDatabase,
  work: () => Promise<T>,
): Promise<{ result: T; moves: number }> {
  const closed = new AbortController();
  let moves = 0;
  const banking = (async () => {
    const session = await superuserSession(bank.name);
    try {
      while (!closed.signal.aborted) {
        await session.execute(statements(moves++));
        await sleep(2);
      }
    } finally {
      await session.end();
    }
  })();
  try {
    return { result: await work(), moves };
  } finally {
    closed.abort();
    await banking;
  }
}

/** Compares every account of a copy with what the books said at one moment: the one that its ledger names. */
export async function compareBooks(copy: FreshDatabase): Promise<{ moves: number; differences: string[] }> {
  const session = await superuserSession(copy.name);
  try {
    const [ledger] = await session.query<{ moves: number }>('SELECT moves::int AS moves FROM ledger');
    const rows = await session.query<{ account: string; amount: number }>(
      `SELECT 'checking ' || id AS account, amount::int AS amount FROM checking
       UNION ALL SELECT 'saving ' || id, amount::int FROM saving`,
    );
    const moves = ledger?.moves ?? -1;
    const expected = booksAfter(moves);
    const found = new Map(rows.map(({ account, amount }) => [account, amount]));
    const names = new Set([...expected.keys(), ...found.keys()]);
    const differences = [...names].filter((name) => expected.get(name) !== found.get(name));
    return { moves, differences };
  } finally {
    await session.end();
  }
}
