using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Sources;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.References;

namespace MergeTasks.Merging.Build;

/// <summary>Restores the models of a project's merges that come from elsewhere, and tells planning where they are.</summary>
internal static class ModelRestore
{
    /// <summary>Restores what the merges name.</summary>
    /// <param name="merges">All merges of the project.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="DiagnosticException">With everything that is wrong, where the references stand.</exception>
    public static IReadOnlyList<RestoredModel> Run(
        IReadOnlyList<MergeDeclaration> merges, RestoreOptions options, RestoreProgress progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        var named = merges.SelectMany(merge => merge.References).SelectMany(Named).DistinctBy(reference => reference.Key).ToList();
        try
        {
            var references = named.ConvertAll(reference => SourceSchemes.Parse(reference.Key, [options.ProjectFolder]));
            return [.. new ModelRestorer(options, progress).RestoreAsync(references, cancellation).GetAwaiter().GetResult().Values];
        }
        catch (RestoreException e)
        {
            throw new DiagnosticException([.. e.Faults.Select(fault => SourceDiagnostics.Of(fault.Exception, LocationOf(fault.Key)))]);
        }

        SourceLocation? LocationOf(string? key) => named.Find(reference => reference.Key == key).Location;
    }

    /// <summary>The declarations with the folders of their restored models.</summary>
    /// <exception cref="DiagnosticException">One has not been restored.</exception>
    public static IReadOnlyList<MergeDeclaration> Bind(IReadOnlyList<MergeDeclaration> merges, IReadOnlyList<RestoredModel> restored)
    {
        var byKey = restored.ToDictionary(model => model.Key, StringComparer.Ordinal);
        return [.. merges.Select(merge => merge.WithReferences(Bound))];

        ModelDeclaration Bound(ModelDeclaration model)
        {
            if (model.Remote is { } key && Find(key, model.Label, model.Location) is var found)
                model = model with { Folder = found.Folder, Locked = found.Locked };
            return model.Adapter is { Remote: { } other } adapter && Find(other, adapter.Label, adapter.Location) is var lora
                ? model with { Adapter = adapter with { Folder = lora.Folder, Locked = lora.Locked } } : model;
        }

        RestoredModel Find(string key, string label, SourceLocation location) =>
            byKey.GetValueOrDefault(key)
                ?? throw new DiagnosticException(
                        DiagnosticCode.ModelNotFound, $"'{label}' has not been restored. Run the target RestoreModels.", location);
    }

    private static IEnumerable<(string Key, SourceLocation Location)> Named(ModelDeclaration model)
    {
        if (model.Remote is { } key)
            yield return (key, model.Location);
        if (model.Adapter?.Remote is { } adapter)
            yield return (adapter, model.Adapter.Location);
    }
}
