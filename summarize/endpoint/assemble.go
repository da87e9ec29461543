package endpoint

import (
	"context"
	"errors"
	"slices"

	"souffleur/internal/meeting"
	"souffleur/summarize/deadline"
	"souffleur/summarize/extract"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
)

// assemble makes the document of facts.
func (w *work) assemble(ctx context.Context, doc *minutes.Document, sentences []prose.Sentence, topics []extract.Topic, blocks []block, all []found) error {
	var facts []fact
	dropped := 0
	titles := make([]string, len(topics))
	for i, f := range all {
		dropped += f.Dropped
		topic := blocks[i].topic
		if titles[topic] == "" {
			titles[topic] = f.Title
		}
		for _, one := range f.Facts {
			one.topic = topic
			facts = append(facts, one)
		}
	}
	if facts = merged(w.lang, facts); len(facts) == 0 {
		return &Failure{Code: minutes.EndpointBroken, Err: errors.New("nothing that the model wrote passed the checks")}
	}
	w.list(doc, facts)
	more, err := w.writeTopics(ctx, doc, sentences, topics, titles, facts)
	if err != nil {
		return err
	}
	last, err := w.writeOverview(ctx, doc, facts)
	if err != nil {
		return err
	}
	doc.Engine = w.writer.About()
	doc.Coverage.Dropped = dropped + more + last
	doc.Coverage.Cited = cited(doc)
	doc.Warnings = slices.DeleteFunc(doc.Warnings, func(c minutes.Warning) bool { return c == minutes.LanguageNeutral })
	if doc.Coverage.Dropped > 0 {
		doc.Warnings = append(doc.Warnings, minutes.LinesDropped)
	}
	w.step(w.of - w.done)
	return nil
}

// list fills decisions, actions and questions, by time.
func (w *work) list(doc *minutes.Document, facts []fact) {
	doc.Decisions, doc.Actions, doc.Questions = []minutes.Line{}, []minutes.Action{}, []minutes.Line{}
	byTime := slices.Clone(facts)
	slices.SortStableFunc(byTime, func(a, b fact) int { return w.place[a.Evidence[0]] - w.place[b.Evidence[0]] })
	for _, f := range byTime {
		switch f.Kind {
		case decision:
			doc.Decisions = append(doc.Decisions, w.lineOf("decision", f))
		case open:
			doc.Questions = append(doc.Questions, w.lineOf("question", f))
		case action:
			doc.Actions = append(doc.Actions, minutes.Action{
				Line: w.lineOf("action", f), Owner: f.Owner, OwnerID: ownerID(w.job.People, f.Owner),
				Due: f.Due, DueDate: deadline.Resolve(w.lang, f.Due, w.job.Date),
			})
		}
	}
}

// writeTopics fills the topics. The points of one that has few facts are these; of more the model makes fewer.
func (w *work) writeTopics(ctx context.Context, doc *minutes.Document, sentences []prose.Sentence, topics []extract.Topic, titles []string, facts []fact) (dropped int, err error) {
	said := map[int64]string{} // the titles that were made without a model, by where their topics begin
	for _, t := range doc.Topics {
		said[t.T0] = t.Title
	}
	doc.Topics = []minutes.Topic{}
	for i, t := range topics {
		own := slices.DeleteFunc(slices.Clone(facts), func(f fact) bool { return f.topic != i || f.Kind == action || f.Kind == open })
		if len(own) == 0 {
			continue
		}
		topic := minutes.Topic{Title: titles[i], T0: sentences[t.First].T0, T1: sentences[t.End-1].T1, Points: []minutes.Line{}}
		if len(own) > w.amount.most {
			c, err := w.compose(ctx, "topic", own, w.amount.least, w.amount.most)
			if err != nil {
				return 0, err
			}
			dropped += c.Dropped
			topic.Points = w.linesOf("point", c)
			if c.Title != "" {
				topic.Title = c.Title
			}
		}
		if len(topic.Points) == 0 {
			for _, f := range own[:min(len(own), w.amount.most)] {
				topic.Points = append(topic.Points, w.lineOf("point", f))
			}
		}
		if topic.Title == "" {
			topic.Title = said[topic.T0]
		}
		doc.Topics = append(doc.Topics, topic)
	}
	return dropped, nil
}

func (w *work) linesOf(kind string, c composed) []minutes.Line {
	out := []minutes.Line{}
	for _, l := range c.Lines {
		out = append(out, w.newLine(kind, l.Text, l.Evidence, l.Unverified))
	}
	return out
}

// writeOverview fills the overview: from decisions first, then what was said most often. Without a model's words it is these facts.
func (w *work) writeOverview(ctx context.Context, doc *minutes.Document, facts []fact) (dropped int, err error) {
	top := slices.Clone(facts)
	rank := map[string]int{decision: 0, action: 1, point: 2, open: 3}
	slices.SortStableFunc(top, func(a, b fact) int {
		if d := rank[a.Kind] - rank[b.Kind]; d != 0 {
			return d
		}
		return b.mentions - a.mentions
	})
	c, err := w.compose(ctx, "overview", top[:min(len(top), mostFacts)], w.amount.overviewLeast, w.amount.overviewLines)
	if err != nil {
		return 0, err
	}
	doc.Overview = w.linesOf("overview", c)
	if len(doc.Overview) == 0 {
		for _, f := range top[:min(len(top), w.amount.overviewLines)] {
			doc.Overview = append(doc.Overview, w.lineOf("overview", f))
		}
	}
	return c.Dropped, nil
}

// cited counts the segments that lines rest on.
func cited(doc *minutes.Document) int {
	all := map[meeting.SegmentID]bool{}
	add := func(lines []minutes.Line) {
		for i := range lines {
			for _, id := range lines[i].Evidence {
				all[id] = true
			}
		}
	}
	add(doc.Overview)
	add(doc.Decisions)
	add(doc.Questions)
	for i := range doc.Topics {
		add(doc.Topics[i].Points)
	}
	for i := range doc.Actions {
		add([]minutes.Line{doc.Actions[i].Line})
	}
	return len(all)
}
