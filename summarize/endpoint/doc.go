// Package endpoint writes minutes with a language model behind an OpenAI-compatible API: Ollama, llama.cpp's server, vLLM, Albert and the
// like. The transcript leaves this process with every request, so an operator has to name the server.
//
// No sentence of a model is believed. A meeting is cut into blocks by topic; of each the model is asked for facts with the numbers of the
// lines that say them; package verify checks these against the words that were said, and what fails is asked for once more with the
// reason, then dropped. Only facts that passed are given back to the model to write topics and an overview of, and what it writes is checked
// again. What stands in a document's lists is therefore said somewhere, and cites where.
//
// Servers of this API differ, and not all say so when something goes wrong: see [Config], client.go (requests), ladder.go (forms of
// answers), gauge.go (prompts that are cut silently) and docs/minutes-endpoint.md. Start reading at [Writer.Write].
package endpoint
