using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Models;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Tensors;

namespace MergeTasks.Merging.Planning.Exports;

/// <summary>A file that is written from an output's finished weights.</summary>
/// <param name="FileName">Its name in the output folder.</param>
/// <param name="Model">What it will hold.</param>
/// <param name="Key">What it is made from and how, as a digest.</param>
internal sealed record ExportPlan(string FileName, GgufModel Model, ContentDigest Key);

/// <summary>Plans the GGUF files of a merge, so that a model that cannot be one is refused before anything is computed.</summary>
internal static class ExportPlanner
{
    // Changes whenever other bytes are written of the same tensors.
    private const int Version = 1;

    /// <summary>Plans them; none where the merge asks for none.</summary>
    /// <param name="merge">The merge.</param>
    /// <param name="tensors">The output's tensors.</param>
    /// <param name="config">Its configuration; <see langword="null"/> where the output is an adapter.</param>
    /// <param name="files">Files beside the weights.</param>
    /// <exception cref="DiagnosticException">The model cannot be written so.</exception>
    public static IReadOnlyList<ExportPlan> Plan(
        MergeDeclaration merge, IReadOnlyList<TensorPlan> tensors, ModelConfig? config, IReadOnlyList<SideFile> files)
    {
        if (!merge.ExportsGguf)
            return [];
        if (config is null)
            throw Refusal(merge, "it is an adapter and no model");
        var source = new ModelSource(
            merge.Name,
            merge.OutputFolder,
            config.Text,
            [.. tensors.Select(tensor => tensor.Output)],
            name => files.FirstOrDefault(file => file.Name == name)?.Read());
        var tensorsDigest = ContentDigest.Of(tensors.Select(tensor => $"{tensor.Key} {tensor.Output.Name}\n"));
        try
        {
            return [.. merge.GgufTypes.Select(type => Plan(source, type, tensorsDigest))];
        }
        catch (GgufException e)
        {
            throw Refusal(merge, e.Message);
        }
    }

    /// <summary>Says that a merge cannot be written so.</summary>
    public static DiagnosticException Refusal(MergeDeclaration merge, string why) =>
        merge.Fault(DiagnosticCode.GgufExport, $"its output cannot be written as GGUF: {why}.");

    private static ExportPlan Plan(ModelSource source, GgufFileType type, ContentDigest tensors)
    {
        var model = GgufModel.Of(source, type);
        string[] parts =
        [
            $"gguf {Version} {type}\n",
            $"{ContentDigest.Of(model.Layout.Header)}\n",
            $"{ContentDigest.Of(source.Config.Span)}\n",
            $"{tensors}\n",
        ];
        return new ExportPlan($"{source.Name}-{type}{MergedFiles.GgufExtension}", model, ContentDigest.Of(parts));
    }
}
