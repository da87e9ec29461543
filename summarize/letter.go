package summarize

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"souffleur/internal/mail"
	"souffleur/internal/meeting"
	"souffleur/storage"
)

// Sender sends letters; see [mail.Sender].
type Sender interface {
	Send(ctx context.Context, l mail.Letter) error
}

// Letters writes to the organizers of a meeting's room who have signed in with an address. Mail servers keep letters and people forward
// them, so nothing of the meeting is in one: neither words nor names nor the room's, only its day and where it stands.
type Letters struct {
	Rooms  *storage.Rooms
	People *storage.People
	Sender Sender
	URL    string // of the web pages, without "/" at its end
}

var _ Post = Letters{}

// MinutesReady implements [Post].
func (l Letters) MinutesReady(ctx context.Context, m storage.Meeting) error {
	to, err := l.organizers(ctx, m.Room)
	if err != nil || len(to) == 0 {
		return err
	}
	day, link := time.UnixMilli(m.BeganUnixMS).Format(time.DateOnly), l.URL+"/m/"+string(m.ID)+"#minutes"
	return l.Sender.Send(ctx, mail.Letter{
		ID: "minutes-" + string(m.ID), To: to,
		Subject: fmt.Sprintf("Compte rendu prêt / Minutes ready (%s)", day),
		Body: fmt.Sprintf("Le compte rendu, ou les extraits clés, d’une réunion du %[1]s que vous organisez est prêt :\n%[2]s\n\n"+
			"The minutes, or the key excerpts, of a meeting on %[1]s that you organize are ready:\n%[2]s\n\n"+
			"Souffleur. Ce message ne contient rien de ce qui a été dit. / This message holds nothing of what was said.\n", day, link),
	})
}

// organizers returns the addresses of those who organize a room; none if it is gone.
func (l Letters) organizers(ctx context.Context, id meeting.RoomID) ([]string, error) {
	room, err := l.Rooms.Get(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var to []string
	for _, person := range append([]meeting.PersonID{room.Owner}, room.Organizers...) {
		account, err := l.People.Get(ctx, person)
		if errors.Is(err, storage.ErrNotFound) { // a guest
			continue
		}
		if err != nil {
			return nil, err
		}
		if account.Email != "" && !slices.Contains(to, account.Email) {
			to = append(to, account.Email)
		}
	}
	return to, nil
}
