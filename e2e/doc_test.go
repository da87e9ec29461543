// Package e2e tests whole meetings: the built program as users start it, real media over loopback, real speech
// recognition, the embedded Kafka broker and S3 store or, with SOUFFLEUR_TEST_REAL=1, real ones. Participants are
// scripted (internal/client); the browser test stands beside this package in JavaScript.
//
// The tests need build/souffleur and the default speech models (`make build models`) and are skipped with -short.
package e2e
