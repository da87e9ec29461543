// Package web is the HTTP side of Souffleur: the JSON API, sign-in by link, sessions, the signalling WebSocket, downloads
// and the browser client.
//
// It decides who may do what (roles are checked here and nowhere else) and knows nothing of media, Kafka or speech: what
// goes on in a meeting stands behind the interface [Live], which internal/node implements.
//
// Start reading at [New]; [Config] says what can be set, operations in api_*.go follow the order of the API's
// description, openapi.json.
package web
