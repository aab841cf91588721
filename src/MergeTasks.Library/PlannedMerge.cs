using MergeTasks.Merging.Outputs;

namespace MergeTasks.Library;

/// <summary>What a merge's output folder holds, compared with what its declaration wants there.</summary>
public sealed class PlannedMerge
{
    internal PlannedMerge(OutputState state)
    {
        Name = state.Plan.Name;
        Method = state.Plan.Method.Name;
        OutputFolder = state.Plan.Declaration.OutputFolder;
        IsUpToDate = state.IsFresh;
        Reasons = state.Reasons;
        Tensors = state.Plan.Tensors.Count;
        StaleTensors = state.StaleTensorCount;
        BytesToWrite = state.BytesToWrite;
        Warnings = [.. state.Plan.Warnings.Select(MergeProblem.From)];
    }

    /// <summary>The merge.</summary>
    public string Name { get; }

    /// <summary>The method's name, as in recipes.</summary>
    public string Method { get; }

    /// <summary>Full path of the folder with the merged model.</summary>
    public string OutputFolder { get; }

    /// <summary>
    /// Whether there is nothing to do (for what <see cref="MergeProject.Run"/> returns: whether there was nothing to do).
    /// </summary>
    public bool IsUpToDate { get; }

    /// <summary>Why there is something to do, a sentence each; empty where there is not.</summary>
    public IReadOnlyList<string> Reasons { get; }

    /// <summary>Tensors of the output.</summary>
    public int Tensors { get; }

    /// <summary>Those that have to be computed; the others are kept as they are.</summary>
    public int StaleTensors { get; }

    /// <summary>Bytes of weights that have to be written.</summary>
    public long BytesToWrite { get; }

    /// <summary>What should be said of the merge although it is valid.</summary>
    public IReadOnlyList<MergeProblem> Warnings { get; }
}
