using MergeTasks.Language.Declarations;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Outputs.Parts;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Makes one merged model; the work of a generated project.</summary>
[MSBuildMultiThreadableTask]
public sealed class MergeTensors : MergePhase
{
    /// <summary>Full path of the merge's lock file.</summary>
    [Required]
    public string LockFile { get; set; } = "";

    private protected override void Run(MergeBuild build, RunningPhase? running, CancellationToken cancellation)
    {
        var progress = new LoggedProgress(Log, MergeName, Report, running);
        if (PartChoice.Parse(Shard, Location) is { } part)
        {
            var (found, made) = build.RunPart(MergeName, part, progress, cancellation);
            Log.LogMessage(
                MessageImportance.High,
                found.IsFresh ? "{0}: the whole output is up to date." : "{0}: shard {1}, {2} of {3} weight files made -> {4}",
                MergeName, part, made, found.Plan.Shards.Count, PartFolder.RootOf(found.Plan));
            return;
        }

        var state = build.Run(MergeName, LockFile, progress, cancellation);
        if (state.IsFresh)
            Log.LogMessage(MessageImportance.Normal, "{0}: another build has made it meanwhile.", MergeName);
        else
        {
            PhaseWarnings.Write(PhaseWarnings.PathOf(Path.GetDirectoryName(Declarations)!, MergeName), Warnings);
            Log.LogMessage(MessageImportance.Normal, "{0}: {1} of {2} tensors merged by {3}, {4} written.",
                MergeName, state.StaleTensorCount, state.Plan.Tensors.Count, state.Plan.Method.Name, ByteSize.Format(state.BytesToWrite));
        }

        // In this form the line becomes the project's result in the terminal.
        Log.LogMessage(MessageImportance.High, "{0} -> {1}", MergeName, state.Plan.Declaration.OutputFolder);
    }
}
