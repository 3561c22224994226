"""One engine a file, each the only one that imports its library; all do what `interface` says."""
