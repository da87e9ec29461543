package web

import (
	"net/http"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/storage"
)

func days(audio, text, minutes int) fields {
	return fields{"audio_days": audio, "text_days": text, "minutes_days": minutes}
}

func TestRoomsKeepNoLongerThanTheInstallation(t *testing.T) {
	s := newSite(t)
	owner, guest, admin := s.browser(), s.browser(), s.admin()
	room, _ := owner.makeRoom("Weekly")
	path := "/rooms/" + room + "/retention"
	guest.must(http.MethodPut, path, days(0, 5, 0), http.StatusForbidden)
	guest.must(http.MethodPatch, "/instance", fields{"retention": days(0, 5, 0)}, http.StatusForbidden)
	owner.must(http.MethodPut, path, days(0, 400, 0), http.StatusOK)
	if e := s.audited("room.retention"); e.Object != "rooms/"+room {
		t.Errorf("the audit says %+v", e)
	}
	a := admin.must(http.MethodPatch, "/instance", fields{"retention": days(7, 30, 0)}, http.StatusOK)
	if a.fields.at("retention", "text_days") != 30.0 || a.fields.at("retention", "audio_days") != 7.0 {
		t.Errorf("settings are %s", a.body)
	}
	a = owner.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK)
	if a.fields.at("retention", "text_days") != 400.0 || a.fields.at("effective_retention", "text_days") != 30.0 || a.fields.at("effective_retention", "audio_days") != 7.0 {
		t.Errorf("the room is %s", a.body)
	}
	if a := owner.do(http.MethodPut, path, days(0, 31, 0)); a.status != http.StatusConflict || a.problem() != "above-retention" {
		t.Errorf("longer than the installation: %d %s", a.status, a.body)
	}
	a = owner.must(http.MethodPut, path, days(0, 10, 90), http.StatusOK)
	if a.fields.at("effective_retention", "text_days") != 10.0 || a.fields.at("effective_retention", "minutes_days") != 90.0 {
		t.Errorf("the room is %s", a.body)
	}
	a = guest.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK)
	if a.fields.at("retention") != nil || a.fields.at("effective_retention", "text_days") != 10.0 {
		t.Errorf("a guest sees %s", a.body)
	}
	for _, bad := range []fields{days(0, -1, 0), days(0, 36501, 0), {"text_days": "ten"}, {}} {
		owner.must(http.MethodPut, path, bad, http.StatusUnprocessableEntity)
	}
	s.audited("instance.retention")
}

func TestMeetingsSayWhenTheyAreDeleted(t *testing.T) {
	s := newSite(t)
	owner, admin := s.browser(), s.admin()
	room, _ := owner.makeRoom("Weekly")
	ended := time.Now().Add(-25 * 24 * time.Hour)
	m := s.storeMeeting(meeting.RoomID(room), func(m *storage.Meeting) { m.EndedUnixMS = ended.UnixMilli() })
	path := "/meetings/" + string(m.ID)
	listed := func() fields {
		list := owner.must(http.MethodGet, "/meetings", nil, http.StatusOK).fields.at("meetings").([]any)
		return fields(list[0].(map[string]any))
	}
	if listed().at("deletion") != nil {
		t.Errorf("it is kept until somebody deletes it, and says %v", listed())
	}
	owner.must(http.MethodPut, "/rooms/"+room+"/retention", days(0, 30, 0), http.StatusOK)
	grace := time.Now().Add(storage.RetentionGrace).UnixMilli()
	at, _ := listed().at("deletion", "text_unix_ms").(float64)
	if int64(at) < grace-60_000 || int64(at) > grace+60_000 || listed().at("deletion", "soon") != true || listed().at("deletion", "can_keep") != true {
		t.Errorf("listed as %v, the grace ends at %d", listed(), grace)
	}
	s.browser().must(http.MethodPut, path+"/kept", fields{"kept": true}, http.StatusForbidden)
	a := owner.must(http.MethodPut, path+"/kept", fields{"kept": true}, http.StatusOK)
	if a.fields.at("kept") != true || a.fields.at("deletion") != nil || listed().at("deletion") != nil {
		t.Errorf("a kept meeting is %s", a.body)
	}
	s.audited("meeting.keep")
	admin.must(http.MethodPatch, "/instance", fields{"retention": days(0, 60, 0)}, http.StatusOK)
	a = owner.must(http.MethodGet, path, nil, http.StatusOK)
	if at, _ := a.fields.at("deletion", "text_unix_ms").(float64); int64(at) != ended.Add(60*24*time.Hour).UnixMilli() || a.fields.at("deletion", "can_keep") != false {
		t.Errorf("the installation's retention holds all the same: %s", a.body)
	}
	a = owner.must(http.MethodPut, path+"/kept", fields{"kept": false}, http.StatusOK)
	if a.fields.at("kept") != false || a.fields.at("deletion", "can_keep") != true {
		t.Errorf("no longer kept: %s", a.body)
	}
}

func TestForgettingAParticipant(t *testing.T) {
	s := newSite(t)
	owner, guest, admin := s.browser(), s.browser(), s.admin()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeMeeting(meeting.RoomID(room), func(m *storage.Meeting) { m.LiveKeyGone = true })
	fresh := s.storeMeeting(meeting.RoomID(room))
	live := s.storeMeeting(meeting.RoomID(room), func(m *storage.Meeting) { m.EndedUnixMS = 0 })
	path := "/meetings/" + string(m.ID) + "/people/p1"
	guest.must(http.MethodDelete, path, nil, http.StatusForbidden)
	if a := admin.do(http.MethodDelete, path, nil); a.status != http.StatusForbidden || a.problem() != "reason-needed" {
		t.Errorf("an admin without a reason: %d %s", a.status, a.body)
	}
	for path, want := range map[string]string{
		"/meetings/" + string(live.ID) + "/people/p1": "still-live", "/meetings/" + string(fresh.ID) + "/people/p1": "unfinished",
		"/meetings/" + string(m.ID) + "/people/pnobody": "no-participant", "/meetings/" + string(meeting.NewID()) + "/people/p1": "no-meeting",
	} {
		if a := owner.do(http.MethodDelete, path, nil); a.problem() != want {
			t.Errorf("%s answered %d %s", path, a.status, a.body)
		}
	}
	owner.must(http.MethodDelete, path, nil, http.StatusNoContent)
	a := owner.must(http.MethodGet, "/meetings/"+string(m.ID), nil, http.StatusOK)
	people, forgotten := a.fields.at("people").([]any), 0
	for _, p := range a.fields.at("participants").([]any) {
		if fields(p.(map[string]any)).at("forgotten") == true {
			forgotten++
		}
	}
	if len(people) != 1 || people[0] != "Bob" || forgotten != 2 { // p1 and p3 are stays of the same person
		t.Errorf("the meeting is %s", a.body)
	}
	e := s.audited("participant.forgotten")
	if e.Role != meeting.Organizer || e.Object != "meetings/"+string(m.ID)+"/people/p1" {
		t.Errorf("the audit says %+v", e)
	}
	if told := s.records.of(bus.Meetings); len(told) != 1 || told[0].Meeting != m.ID {
		t.Errorf("Kafka was told %+v", told)
	}
}

func TestForgettingMyself(t *testing.T) {
	s := newSite(t)
	owner, me, stranger := s.browser(), s.browser(), s.browser()
	room, _ := owner.makeRoom("Weekly")
	me.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Zoé"}, http.StatusOK)
	who := meeting.PersonID(me.must(http.MethodGet, "/me", nil, http.StatusOK).fields.text("person"))
	took := func(m *storage.Meeting) {
		m.People = append(m.People, meeting.Person{Participant: "p9", Person: who, Name: "Zoé", Order: 3})
	}
	m := s.storeMeeting(meeting.RoomID(room), took, func(m *storage.Meeting) { m.LiveKeyGone = true })
	running := s.storeMeeting(meeting.RoomID(room), took, func(m *storage.Meeting) { m.EndedUnixMS = 0 })
	path := "/meetings/" + string(m.ID) + "/mine"
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		for name, b := range map[string]*browser{"stranger": stranger, "organizer who was not there": owner, "program": s.program()} {
			if a := b.do(method, path, nil); a.status != http.StatusNotFound || a.problem() != "no-meeting" {
				t.Errorf("%s %s: %d %s", name, method, a.status, a.body)
			}
		}
	}
	a := me.must(http.MethodGet, path, nil, http.StatusOK)
	if a.fields.text("name") != "Zoé" || a.fields.text("room_name") != "Weekly" || a.fields.at("deletable") != true {
		t.Errorf("got %s", a.body)
	}
	if a := me.must(http.MethodGet, "/meetings/"+string(running.ID)+"/mine", nil, http.StatusOK); a.fields.at("deletable") != false {
		t.Errorf("got %s", a.body)
	}
	if a := me.do(http.MethodDelete, "/meetings/"+string(running.ID)+"/mine", nil); a.problem() != "still-live" {
		t.Errorf("a running meeting: %d %s", a.status, a.body)
	}
	me.must(http.MethodDelete, path, nil, http.StatusNoContent)
	if a := me.do(http.MethodGet, path, nil); a.problem() != "no-meeting" {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
	if e := s.audited("participant.forgotten"); e.Actor != "p9" || e.Role != meeting.Guest {
		t.Errorf("the audit says %+v", e)
	}
}

// TestAMeetingThatIsDeletedLeavesAProof checks what TestDeleteMeeting does not.
func TestAMeetingThatIsDeletedLeavesAProof(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	m := s.storeMeeting(meeting.NewRoomID())
	admin.must(http.MethodDelete, "/meetings/"+string(m.ID)+"?reason=Court+order+7", nil, http.StatusNoContent)
	asked, done := s.audited("meeting.delete-asked"), s.audited("meeting.forgotten")
	if asked.Reason != "Court order 7" || done.Object != "meetings/"+string(m.ID) || done.Actor != asked.Actor || done.Reason != "" {
		t.Errorf("the audit says %+v and %+v", asked, done)
	}
}
