package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

type codes struct {
	artifact.Provenance
	Values *array.Array
	Loss   float64
}

type settings struct {
	Epochs   int
	Rate     float64
	Progress func(done, total int) `json:"-"`
}

func spec() artifact.Spec {
	return artifact.Spec{Name: "encode digits", Version: 1, Seed: math.MaxUint64, Config: settings{Epochs: 3, Rate: 0.1},
		Inputs: map[string]string{"digits": "abc"}, Backend: "xla"}
}

// compute makes codes of n rows; the counter counts how often it ran.
func compute(n int, ran *atomic.Int32) func(context.Context) (*codes, error) {
	return func(context.Context) (*codes, error) {
		ran.Add(1)
		c := &codes{Values: array.New(n, 3), Loss: math.NaN()}
		for i := range c.Values.Data {
			c.Values.Data[i] = float32(i)
		}
		c.Metrics = map[string]float64{"gap": 1e-6, "worst": math.Inf(1)}
		return c, nil
	}
}

func open(t testing.TB) (*artifact.Store, *lines) {
	t.Helper()
	s, err := artifact.Open(filepath.Join(t.TempDir(), "store [1]")) // a name that is a pattern
	if err != nil {
		t.Fatal(err)
	}
	said := &lines{}
	s.Announce = said.add
	return s, said
}

type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(s string) { l.mu.Lock(); defer l.mu.Unlock(); l.all = append(l.all, s) }

// last returns the newest line and forgets all.
func (l *lines) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return ""
	}
	s := l.all[len(l.all)-1]
	l.all = nil
	return s
}

func TestStepComputesOnce(t *testing.T) {
	s, said := open(t)
	var ran atomic.Int32
	first, err := artifact.Step(t.Context(), s, spec(), compute(5, &ran))
	if err != nil {
		t.Fatal(err)
	}
	if want := "computed encode digits " + first.Short() + " in "; !strings.HasPrefix(said.last(), want) {
		t.Errorf("announced something else than %q", want)
	}
	again, err := artifact.Step(t.Context(), s, spec(), compute(5, &ran))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := said.last(), "loaded encode digits "+first.Short(); got != want {
		t.Errorf("announced %q, want %q", got, want)
	}
	if ran.Load() != 1 || !again.Values.Equal(first.Values) || !math.IsNaN(again.Loss) {
		t.Errorf("computed %d times; loaded %v, want %v", ran.Load(), again.Values, first.Values)
	}
	a, b := first.Provenance, again.Provenance
	if !a.Started.Equal(b.Started) {
		t.Errorf("started %v, then %v", a.Started, b.Started)
	}
	if a.ID != b.ID || string(a.Config) != `{"Epochs":3,"Rate":0.1}` || string(b.Config) != string(a.Config) || a.Duration != b.Duration ||
		b.Seed != math.MaxUint64 || b.Inputs["digits"] != "abc" || b.Metrics["gap"] != 1e-6 || !math.IsInf(b.Metrics["worst"], 1) ||
		b.Step != "encode digits" || b.Version != 1 || b.Backend != "xla" || b.Versions["go"] == "" {
		t.Errorf("provenance: computed %+v, loaded %+v", a, b)
	}
	byID, err := artifact.Load[*codes](s, first.Short())
	if err != nil || !byID.Values.Equal(first.Values) {
		t.Errorf("Load: %v, %v", byID, err)
	}
}

// TestIDs: everything in a spec decides the ID, the order of fields does not.
func TestIDs(t *testing.T) {
	s, _ := open(t)
	var ran atomic.Int32
	id := func(change func(*artifact.Spec)) string {
		t.Helper()
		sp := spec()
		change(&sp)
		c, err := artifact.Step(t.Context(), s, sp, compute(1, &ran))
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	base := id(func(*artifact.Spec) {})
	seen := map[string]bool{base: true}
	for i, change := range []func(*artifact.Spec){
		func(s *artifact.Spec) { s.Name = "encode-digits" },
		func(s *artifact.Spec) { s.Version = 2 },
		func(s *artifact.Spec) { s.Seed-- },
		func(s *artifact.Spec) { s.Config = settings{Epochs: 4, Rate: 0.1} },
		func(s *artifact.Spec) { s.Config = nil },
		func(s *artifact.Spec) { s.Inputs = map[string]string{"digits": "abd"} },
		func(s *artifact.Spec) { s.Inputs = map[string]string{"images": "abc"} },
		func(s *artifact.Spec) { s.Inputs = nil },
		func(s *artifact.Spec) { s.Backend = "go" },
	} {
		got := id(change)
		if seen[got] {
			t.Errorf("change %d has an ID that another spec has", i)
		}
		seen[got] = true
	}
	if id(func(s *artifact.Spec) {
		s.Config = struct {
			Rate   float64
			Epochs int
		}{0.1, 3}
	}) != base {
		t.Error("the order of fields changed the ID")
	}
	if id(func(s *artifact.Spec) { s.Config = settings{3, 0.1, func(int, int) {}} }) != base {
		t.Error("a field that is not kept changed the ID")
	}
}

// TestSameSpecSameBytes: two stores hold the same value files.
func TestSameSpecSameBytes(t *testing.T) {
	var files [2]map[string][]byte
	for i := range files {
		s, _ := open(t)
		var ran atomic.Int32
		c, err := artifact.Step(t.Context(), s, spec(), compute(7, &ran))
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Find(c.ID)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = map[string][]byte{}
		for _, name := range []string{"value.json", "arrays.safetensors"} {
			if files[i][name], err = os.ReadFile(filepath.Join(e.Path, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, b := range files[0] {
		if !bytes.Equal(b, files[1][name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestFailuresLeaveNothing(t *testing.T) {
	s, said := open(t)
	boom := errors.New("boom")
	if _, err := artifact.Step(t.Context(), s, spec(), func(context.Context) (*codes, error) { return &codes{}, boom }); !errors.Is(err, boom) {
		t.Errorf("got %v, want boom", err)
	}
	if _, err := artifact.Step(t.Context(), s, spec(), func(context.Context) (*codes, error) { return nil, nil }); err == nil || !strings.Contains(err.Error(), "nil without an error") {
		t.Errorf("got %v for a nil result", err)
	}
	if _, err := artifact.Step(t.Context(), s, spec(), func(context.Context) (*codes, error) {
		return &codes{Values: &array.Array{Shape: []int{2, 2}}}, nil
	}); err == nil || !strings.Contains(err.Error(), "computed, but not kept") || !strings.Contains(err.Error(), "holds 4 values, got 0") {
		t.Errorf("got %v for a bad array", err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = artifact.Step(t.Context(), s, spec(), func(context.Context) (*codes, error) { panic("graph") })
	}()
	if list, err := s.List(); len(list) != 0 || err != nil {
		t.Errorf("kept %v, %v", list, err)
	}
	if files := tree(t, s.Dir()); len(files) != 0 {
		t.Errorf("left %v", files)
	}
	var ran atomic.Int32 // the lock is free, nothing was announced
	if _, err := artifact.Step(t.Context(), s, spec(), compute(1, &ran)); err != nil || len(said.all) != 1 {
		t.Errorf("afterwards: %v, said %q", err, said.all)
	}
}

func TestBadSpecs(t *testing.T) {
	s, _ := open(t)
	for want, change := range map[string]func(*artifact.Spec){
		`step name "../x"`:           func(s *artifact.Spec) { s.Name = "../x" },
		`step name ""`:               func(s *artifact.Spec) { s.Name = "" },
		`input "digits" has no ID`:   func(s *artifact.Spec) { s.Inputs["digits"] = "" },
		"is of kind func":            func(s *artifact.Spec) { s.Config = struct{ F func() }{} },
		"put their hash among":       func(s *artifact.Spec) { s.Config = struct{ A *array.Array }{} },
		"rate is not exported":       func(s *artifact.Spec) { s.Config = struct{ rate int }{} },
		"is of kind interface (any)": func(s *artifact.Spec) { s.Config = map[string]any{"a": 1} },
	} {
		sp := spec()
		change(&sp)
		var ran atomic.Int32
		_, err := artifact.Step(t.Context(), s, sp, compute(1, &ran))
		if err == nil || ran.Load() != 0 || !strings.Contains(strings.ReplaceAll(err.Error(), "interface {}", "any"), want) {
			t.Errorf("got %v, want %q before anything is computed", err, want)
		}
	}
}

func TestStepInsideItself(t *testing.T) {
	s, _ := open(t)
	var inner error
	outer := spec()
	outer.Name = "outer"
	_, err := artifact.Step(t.Context(), s, spec(), func(ctx context.Context) (*codes, error) {
		return artifact.Step(ctx, s, outer, func(ctx context.Context) (*codes, error) {
			var c *codes
			c, inner = artifact.Step(ctx, s, spec(), func(context.Context) (*codes, error) { return &codes{Values: array.New(1)}, nil })
			return c, inner
		})
	})
	if err == nil || !strings.Contains(err.Error(), `"encode digits" needs its own result: it was called from step "outer"`) {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentCallsComputeOnce(t *testing.T) {
	s, _ := open(t)
	var ran atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c, err := artifact.Step(t.Context(), s, spec(), func(ctx context.Context) (*codes, error) {
				time.Sleep(30 * time.Millisecond)
				return compute(4, &ran)(ctx)
			})
			if err != nil || c.Values.Rows() != 4 {
				t.Errorf("%v, %v", c, err)
			}
		})
	}
	wg.Wait()
	if ran.Load() != 1 {
		t.Errorf("computed %d times", ran.Load())
	}
}

func TestWaitingEndsWithContext(t *testing.T) {
	s, said := open(t)
	inside, done := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := artifact.Step(t.Context(), s, spec(), func(context.Context) (*codes, error) {
			close(inside)
			<-done
			return &codes{Values: array.New(1)}, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var ran atomic.Int32
	_, err := artifact.Step(ctx, s, spec(), compute(1, &ran))
	if !errors.Is(err, context.DeadlineExceeded) || ran.Load() != 0 || !strings.Contains(said.last(), "waiting for process") {
		t.Errorf("got %v, computed %d times", err, ran.Load())
	}
	close(done)
	wg.Wait()
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 14780} {
		s, _ := open(b)
		c := func(context.Context) (*codes, error) { return &codes{Values: array.New(n, 784)}, nil }
		if _, err := artifact.Step(b.Context(), s, spec(), c); err != nil {
			b.Fatal(err)
		}
		b.Run(map[bool]string{true: "46 MB", false: "3 KB"}[n > 1], func(b *testing.B) {
			for b.Loop() {
				if _, err := artifact.Step(b.Context(), s, spec(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
