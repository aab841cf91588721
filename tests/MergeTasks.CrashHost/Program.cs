using MergeTasks.CrashHost;
using MergeTasks.TestSupport;

// Runs one merge of a saved workspace and kills its own process at a chosen moment.
// Arguments: workspace.json, merge, lock file, threads, "scored" | "written" | "publishing" | "never", and at which such call, from 1.
if (args is not [var workspace, var merge, var lockFile, var threads, var moment, var call])
    return 2;
MergeWorkspace.Load(workspace, int.Parse(threads)).Run(merge, lockFile, new KillSwitch(moment, int.Parse(call)), default);
return 0;
