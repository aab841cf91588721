using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Layout;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>Which models a merge's scores are about, and as what they are measured.</summary>
internal static class ScoredModels
{
    /// <summary>The models: the method's inputs, or, where parts have sources of their own, each source once with its task.</summary>
    /// <exception cref="DiagnosticException">Two sources of one model name different samples.</exception>
    public static List<OpenModel> Of(MergeDeclaration merge, OutputLayout layout)
    {
        if (merge.IsWhole)
            return [
                .. layout.Tensors.Take(1).SelectMany(tensor => tensor.Part.Sources)
                    .Select(source => new OpenModel(source.Declaration, source.Input))
            ];
        var models = new List<OpenModel>();
        foreach (var source in layout.Tensors.Select(tensor => tensor.Part).Distinct().SelectMany(part => part.Sources))
        {
            var known = models.FindIndex(model => model.Declaration.IsSameModel(source.Declaration));
            var (own, other) = (source.Declaration.TaskData, known < 0 ? null : models[known].Declaration.TaskData);
            if (own is not null && other is not null && own.Path != other.Path)
                throw merge.Fault(DiagnosticCode.UnsuitableScoring,
                    $"'{source.Declaration.Label}' has the task data '{other.Label}' in one place and '{own.Label}' in "
                        + "another. A model is measured once, on one file.", own.Location);
            if (known < 0)
                models.Add(new OpenModel(source.Declaration, source.Input));
            else if (other is null && own is not null)
                models[known] = models[known] with { Declaration = models[known].Declaration with { TaskData = own } };
        }

        return models;
    }

    /// <summary>
    /// A base as the merge reads it, where models get another vocabulary: with the output's rows, as all others have them.
    /// <see langword="null"/>: as it is stored.
    /// </summary>
    /// <exception cref="DiagnosticException">Vocabularies differ, and this base's takes no part in the output's.</exception>
    public static ModelInput? InputOf(MergeDeclaration merge, ModelDeclaration baseModel, IReadOnlyList<OpenModel> models)
    {
        if (!models.Any(model => model.Input is RemappedInput { IsIdentity: false }))
            return null;
        return models.FirstOrDefault(model => model.Declaration.IsSameModel(baseModel))?.Input
            ?? throw merge.Fault(DiagnosticCode.UnsuitableScoring,
                $"the models' vocabularies differ, and '{baseModel.Label}', from which changes are measured, takes no part "
                    + "in the output's. Name it as Base (in a recipe 'base_model'), so that its rows are found too.", baseModel.Location);
    }
}
