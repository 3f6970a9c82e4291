/** Ledger entries that could not be booked yet: one JSON line each, in files that a replay takes over whole. */
import { createHash, randomUUID } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import type { IDataObject } from 'n8n-workflow';

/** Where new entries are added. */
export const OPEN_FILE = 'entries.jsonl';
const BATCH = 500;

/** Where entries wait: HYBRID_AI_SPOOL_DIR, else a folder beside n8n's own data. */
export function spoolFolder(): string {
	return process.env.HYBRID_AI_SPOOL_DIR || join(process.env.N8N_USER_FOLDER || homedir(), '.n8n', 'hybrid-ai-spool');
}

/** Adds entries; one append of whole lines, so that several processes may do it at once. */
export async function spool(folder: string, entries: object[]): Promise<void> {
	await mkdir(folder, { recursive: true, mode: 0o700 });
	const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
	await appendFile(join(folder, OPEN_FILE), lines, { mode: 0o600 });
}

/**
 * Books everything that waits, through `book`. What it throws at leaves the entries where they are for
 * the next replay; booking twice is safe, because the ledger knows each request id. Gives the count.
 */
export async function replay(folder: string, book: (entries: IDataObject[]) => Promise<void>): Promise<number> {
	await closeOpenFile(folder);
	let booked = 0;
	for (const name of await waitingFiles(folder)) {
		const path = join(folder, name);
		const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
		const entries = lines.map(parseLine).filter((entry) => entry !== undefined);
		for (let start = 0; start < entries.length; start += BATCH) {
			await book(entries.slice(start, start + BATCH));
		}
		booked += entries.length;
		await unlink(path);
	}
	return booked;
}

/** Puts an entry aside that the ledger will never take, where an operator finds it. */
export async function setAside(folder: string, entry: IDataObject, reason: string): Promise<void> {
	await mkdir(folder, { recursive: true, mode: 0o700 });
	const name = `rejected-${createHash('sha256').update(String(entry.request_id)).digest('hex').slice(0, 32)}.json`;
	await writeFile(join(folder, name), `${JSON.stringify({ reason, entry })}\n`, { mode: 0o600 });
}

/** Later entries start a new file, so that a file being replayed does not grow. */
async function closeOpenFile(folder: string): Promise<void> {
	const closed = join(folder, `${Date.now()}-${randomUUID()}.jsonl`);
	await rename(join(folder, OPEN_FILE), closed).catch(ignoreMissing);
}

async function waitingFiles(folder: string): Promise<string[]> {
	const names = (await readdir(folder).catch(ignoreMissing)) ?? [];
	return names.filter((name) => name.endsWith('.jsonl') && name !== OPEN_FILE).sort();
}

/** A line cut by a crash cannot be booked; the reservation or the provider's bill still shows it. */
function parseLine(line: string): IDataObject | undefined {
	try {
		return JSON.parse(line) as IDataObject;
	} catch {
		return undefined;
	}
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
	if (error.code === 'ENOENT') return undefined;
	throw error;
}
