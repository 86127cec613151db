// Package archtest holds the tree to its architecture. It has tests only:
//
//   - imports.txt is the import graph, and the real one must be that;
//   - build tags are few, and each has its opposite beside it;
//   - text names no machine, and documents name no target that is not there;
//   - budgets for sizes warn and never fail.
//
// Most of what it reads lies outside its module, which the test cache does not
// notice: run it with -count=1, as `make lint` does.
package archtest
