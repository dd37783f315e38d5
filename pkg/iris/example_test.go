package iris_test

import (
	"context"
	"fmt"
	"os"

	"github.com/gojacard/jacard/pkg/iris"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	s, err := iris.Open(iris.Published(), iris.Options{Store: dir, Announce: func(string) {}})
	if err != nil {
		panic(err)
	}
	f, err := s.Flowers(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(len(f.Train), len(f.Test), iris.Species[f.Labels[f.Test[0]]])
	// Output: 135 15 setosa
}

func ExampleFromEnvironment() {
	os.Setenv(iris.EnvQuick, "1")
	defer os.Unsetenv(iris.EnvQuick)
	fmt.Println(iris.FromEnvironment().Seeds, iris.Published().Seeds)
	// Output: 3 10
}
