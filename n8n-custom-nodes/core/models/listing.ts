/** The list of models in one document that the OpenAI SDKs, the Anthropic SDKs and the stack's own callers read. */
import type { IDataObject } from 'n8n-workflow';

/** A model as the scorer's `GET /v1/models` shows it. */
export interface ScorerModel {
	name: string;
	backend: string;
	available: boolean;
	reason: string | null;
	max_complexity: number | null;
	/** USD per million tokens, as decimal strings; null for a model without a price. */
	price: { input: string; output: string } | null;
	context_window: number;
	max_output?: number;
	aliases: string[];
}

/** Anthropic's API has it for models whose day of release is not known. */
const UNKNOWN_DAY = '1970-01-01T00:00:00Z';
const AUTO = { id: 'auto', display_name: 'The cheapest model that is good enough', owned_by: 'hybrid-ai-stack' };

/** `data` has what may be asked for now: `auto`, and the models that a key may use; `models` has them all. */
export function modelsDocument(models: ScorerModel[], allowed: string[] | null): IDataObject {
	const mayUse = ({ name, aliases }: ScorerModel) => allowed === null || [name, ...aliases].some((one) => allowed.includes(one));
	const usable = models.filter((model) => model.available && mayUse(model));
	const data = [entry(AUTO), ...usable.map((model) => entry(about(model)))];
	return {
		object: 'list',
		data,
		has_more: false,
		first_id: data[0]?.id,
		last_id: data.at(-1)?.id,
		models: models.map(native) as unknown as IDataObject[],
	};
}

function about({ name, backend, context_window, max_output }: ScorerModel) {
	const owned_by = backend === 'anthropic' ? 'anthropic' : 'local';
	return { id: name, display_name: name, owned_by, max_input_tokens: context_window, max_tokens: max_output };
}

function entry(model: { id: string } & IDataObject): IDataObject {
	return { ...model, object: 'model', type: 'model', created: 0, created_at: UNKNOWN_DAY, lifecycle: 'active' };
}

function native({ backend, ...model }: ScorerModel): object {
	return { ...model, backend: backend === 'ollama' ? 'local' : 'cloud' };
}
