package notebook

// What only cells of notebooks import must stay in go.mod.
import _ "github.com/janpfeifer/must"
