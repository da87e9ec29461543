package storage

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/internal/s3test"
	"souffleur/internal/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var buckets atomic.Int64

// bucket opens a store on a fresh bucket of the server.
func bucket(t testing.TB, server s3test.Server) *Store {
	t.Helper()
	config := DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = server.Endpoint, server.AccessKey, server.SecretKey
	config.Bucket = fmt.Sprintf("test-%d", buckets.Add(1))
	store, err := Open(t.Context(), config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func master(t testing.TB) *seal.Master {
	t.Helper()
	_, raw := seal.NewKey()
	m, err := seal.NewMaster(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestStorage is the one suite that runs on every kind of object store.
func TestStorage(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server s3test.Server) {
		for _, c := range []struct {
			name string
			run  func(*testing.T, s3test.Server)
		}{
			{"create once among 32 writers", testCreateOnce},
			{"updates of many writers all count", testConflictRetry},
			{"a refused write that was our own succeeds", testLostAnswer},
			{"listing pages", testListing},
			{"missing objects", testMissing},
			{"rooms", testRooms},
			{"meetings", testMeetings},
			{"marks of transcripts", testMarks},
			{"keys of a meeting", testKeyring},
			{"eight processes make one instance key", testInstanceKey},
			{"the master key is replaced, stopped anywhere", testRotationStops},
			{"the master key is replaced, a deleted key stays deleted", testRotationOfDeletedKeys},
			{"the master key is replaced, beside keys that do not open", testRotationPassesOverBadKeys},
			{"the master key is replaced, beside a running server", testRunningServersLearnTheMasterKey},
			{"sessions", testSessions},
			{"one-time links are redeemed once", testLinks},
			{"settings", testInstance},
			{"audit", testAudit},
			{"moved objects do not open, nothing private in the raw bucket", testSealing},
			{"corrections", testCorrections},
			{"corrections that are refused", testCorrectionsRefused},
			{"corrections of one version by many people", testTwoEditors},
			{"corrections outlive every rebuild", testCorrectionsSurviveRebuild},
			{"corrections of a forgotten participant", testCorrectionsForgotten},
			{"import of a transcript from elsewhere", testImport},
			{"import of a recording", testImportOfARecording},
			{"a meeting is forgotten", testForgetMeeting},
			{"a person is forgotten", testForgetPerson},
			{"a person is not forgotten too early", testForgetPersonTooEarly},
			{"a person who came twice is forgotten", testForgetStays},
			{"forgetting is stopped anywhere", testForgetStopped},
			{"forgetting without Kafka", testForgetWithoutKafka},
			{"several forget the same", testForgetTogether},
			{"retention: what is over goes, a running meeting stays", testRetention},
			{"retention: rooms, and meetings that are kept", testRetentionOfRooms},
			{"retention: deleted rooms", testRetentionOfDeletedRooms},
			{"retention: separate clocks", testSeparateClocks},
			{"retention: where nothing was stored nothing is left", testNothingStoredLeavesNothing},
			{"retention: two janitors", testJanitorsTogether},
			{"retention: damaged objects", testJanitorPassesOverDamage},
			{"archiver: a meeting from the first word to the deleted key", testArchiverEndToEnd},
			{"archiver: segments stored twice by a crash are one", testArchiverCrash},
			{"archiver: what was only shown is never stored", testArchiverLevels},
			{"archiver: a half closed meeting is closed after a restart", testArchiverResumes},
			{"archiver: two of them", testArchiverTwo},
			{"archiver: of two versions the first stays", testArchiverVersions},
			{"archiver: bad records", testArchiverHostile},
			{"archiver: a forgotten meeting", testArchiverForgotten},
			{"archiver: batches", testArchiverBatches},
			{"audio: two microphones, kept and played", testAudioKept},
			{"audio: any part of a stream", testAudioRanges},
			{"audio: what must not be kept", testAudioForbidden},
			{"audio: crashes and two archivers", testAudioCrash},
			{"audio: deleted", testAudioDeleted},
			{"audio: moved and damaged pieces", testAudioMoved},
			{"accounts", testPeople},
			{"shared meetings", testShares},
			{"shared meetings are forgotten", testSharesForgotten},
			{"webhooks", testWebhooks},
			{"webhooks: bounds of queue and log", testWebhookBounds},
			{"webhooks: the archiver tells them", testArchiverTells},
			{"API tokens", testTokens},
		} {
			t.Run(c.name, func(t *testing.T) { c.run(t, server) })
		}
	})
}
