"""Many pictures: a plan of jobs, done on one machine or a cluster, near or far, and gone on with where it stopped."""
