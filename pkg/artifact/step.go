package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"time"
)

// Step returns the result of a step: from the store if it is there, else from
// compute, whose result is stored. T is a pointer to a struct that embeds
// [Provenance]; Step fills that. A type that cannot be kept without loss is an
// error before anything is computed.
//
// While another process computes the same step, Step waits for it, or for ctx.
// If compute fails, panics or is cancelled, nothing is kept.
func Step[T Recorder](ctx context.Context, s *Store, spec Spec, compute func(ctx context.Context) (T, error)) (T, error) {
	var none T
	form, err := formOf(reflect.TypeFor[T]())
	if err != nil {
		return none, err
	}
	record, err := spec.provenance()
	if err != nil {
		return none, err
	}
	if ctx, err = enter(ctx, record); err != nil {
		return none, err
	}
	dir := s.path(record)
	title := record.Step + " " + record.Short()
	if v, err := load[T](dir, record.ID, form); err == nil {
		s.say("loaded %s", title)
		return v, nil
	} else if errors.Is(err, os.ErrPermission) {
		return none, fmt.Errorf("artifact: %s: %w: it is there, but may not be read", title, err)
	}

	release, err := s.lock(ctx, record.ID, func(pid string) { s.say("%s: waiting for process %s, which computes it", title, pid) })
	if err != nil {
		return none, fmt.Errorf("artifact: %s: %w", title, err)
	}
	defer release()
	v, err := load[T](dir, record.ID, form) // another process may have been faster
	switch {
	case err == nil:
		s.say("loaded %s", title)
		return v, nil
	case !errors.Is(err, fs.ErrNotExist):
		s.say("%s cannot be used (%v): computing it again", title, err)
	}
	if err := s.discard(record.ID); err != nil { // left by a killed process
		return none, fmt.Errorf("artifact: %s: %w", title, err)
	}

	started := time.Now()
	v, err = compute(ctx)
	if err != nil {
		return none, err
	}
	if reflect.ValueOf(v).IsNil() {
		return none, fmt.Errorf("artifact: %s: the computation gave nil without an error", title)
	}
	p := v.Record()
	metrics := p.Metrics
	*p = *record
	p.Versions, p.Started, p.Duration, p.Metrics = versions(), started.Round(0), time.Since(started), metrics
	if err := s.save(v, form); err != nil {
		return none, fmt.Errorf("artifact: %s was computed, but not kept: %w", title, err)
	}
	s.say("computed %s in %s", title, round(p.Duration))
	return v, nil
}

// Load reads a stored result by its ID or the first digits of it. It verifies
// the hashes; it computes nothing.
func Load[T Recorder](s *Store, id string) (T, error) {
	var none T
	form, err := formOf(reflect.TypeFor[T]())
	if err != nil {
		return none, err
	}
	entry, err := s.Find(id)
	if err != nil {
		return none, err
	}
	v, err := load[T](entry.Path, entry.ID, form)
	if err != nil {
		return none, fmt.Errorf("artifact: %s %s: %w", entry.Step, entry.Short(), err)
	}
	return v, nil
}

// running is the chain of steps that a context is inside of.
type running struct {
	id   string
	name string
	up   *running
}

type runningKey struct{}

// enter notes that ctx is inside a step. A step inside itself would wait for
// itself for ever.
func enter(ctx context.Context, p *Provenance) (context.Context, error) {
	up, _ := ctx.Value(runningKey{}).(*running)
	for r := up; r != nil; r = r.up {
		if r.id == p.ID {
			return nil, fmt.Errorf("artifact: step %q needs its own result: it was called from step %q", p.Step, up.name)
		}
	}
	return context.WithValue(ctx, runningKey{}, &running{p.ID, p.Step, up}), nil
}

// round keeps about three digits of a duration.
func round(d time.Duration) time.Duration {
	for _, unit := range []time.Duration{time.Second, 100 * time.Millisecond, 10 * time.Millisecond, time.Millisecond, time.Microsecond} {
		if d >= 100*unit {
			return d.Round(unit)
		}
	}
	return d
}
