package minutes

import "slices"

// Kinds of lines, as [LineID] takes them and as people and programs name them.
const (
	KindOverview = "overview"
	KindPoint    = "point" // of a topic
	KindDecision = "decision"
	KindAction   = "action"
	KindQuestion = "question"
)

// DeleteLines takes out the lines for which drop says so. Of lines that are no actions only Line is set. The topics stay, also
// without points.
func (d *Document) DeleteLines(drop func(kind string, a *Action) bool) {
	of := func(kind string) func(Line) bool {
		return func(l Line) bool { return drop(kind, &Action{Line: l}) }
	}
	d.Overview = slices.DeleteFunc(slices.Clone(d.Overview), of(KindOverview))
	d.Topics = slices.Clone(d.Topics)
	for i := range d.Topics {
		d.Topics[i].Points = slices.DeleteFunc(slices.Clone(d.Topics[i].Points), of(KindPoint))
	}
	d.Decisions = slices.DeleteFunc(slices.Clone(d.Decisions), of(KindDecision))
	d.Actions = slices.DeleteFunc(slices.Clone(d.Actions), func(a Action) bool { return drop(KindAction, &a) })
	d.Questions = slices.DeleteFunc(slices.Clone(d.Questions), of(KindQuestion))
}
