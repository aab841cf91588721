using MergeTasks.CrashHost;
using MergeTasks.TestSupport;

// Runs merges of a saved workspace and kills its own process at a chosen moment.
// Arguments: workspace.json, merges (with commas), lock file, threads, "scored" | "written" | "publishing" | "never", and at which such call, from 1.
if (args is not [var workspace, var merges, var lockFile, var threads, var moment, var call])
    return 2;
var kill = new KillSwitch(moment, int.Parse(call));
foreach (var merge in merges.Split(','))
    MergeWorkspace.Load(workspace, int.Parse(threads)).Run(merge, lockFile, kill, default);
return 0;
