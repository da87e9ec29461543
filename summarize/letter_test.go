package summarize

import (
	"context"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/mail"
	"souffleur/internal/meeting"
	"souffleur/storage"
)

// kept keeps letters.
type keptLetters struct{ all []mail.Letter }

func (k *keptLetters) Send(_ context.Context, l mail.Letter) error {
	k.all = append(k.all, l)
	return nil
}

func TestOrganizersGetALetterWithoutAnythingOfTheMeeting(t *testing.T) {
	h := newHouse(t)
	rooms, people, kept := storage.NewRooms(h.Store, h.Keys), storage.NewPeople(h.Store, h.Keys), &keptLetters{}
	for person, address := range map[meeting.PersonID]string{"uada": "ada@example.org", "ubob": "bob@example.org", "usilent": ""} {
		_, err := people.Update(t.Context(), person, func(a *storage.Account) { a.Email = address })
		must(t, err)
	}
	room := storage.Room{ID: meeting.NewRoomID(), Name: "Fusion secrète", Owner: "uada", Organizers: []meeting.PersonID{"uada", "ubob", "usilent", "uguest"}}
	must(t, rooms.Create(t.Context(), room))
	m := h.Meet(storage.Meeting{Room: room.ID, RoomName: room.Name})
	letters := Letters{Rooms: rooms, People: people, Sender: kept, URL: "https://meet.example.org"}
	must(t, letters.MinutesReady(t.Context(), m))
	must(t, letters.MinutesReady(t.Context(), m))
	if len(kept.all) != 2 || !slices.Equal(kept.all[0].To, []string{"ada@example.org", "bob@example.org"}) || kept.all[0].ID != kept.all[1].ID {
		t.Fatalf("letters are %+v", kept.all)
	}
	text := kept.all[0].Subject + kept.all[0].Body
	if !strings.Contains(text, "https://meet.example.org/m/"+string(m.ID)) {
		t.Errorf("there is no link: %s", text)
	}
	for _, word := range []string{"Fusion", "Anna", "Bob"} {
		if strings.Contains(text, word) {
			t.Errorf("the letter says %q: %s", word, text)
		}
	}
	must(t, letters.MinutesReady(t.Context(), h.Meet(storage.Meeting{}))) // its room is gone
	if len(kept.all) != 2 {
		t.Error("a letter about a meeting of no room")
	}
}
