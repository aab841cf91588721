using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Sources.Locking;

namespace MergeTasks.Merging.Planning;

/// <summary>
/// Opens what declarations name, each once for all merges: models in folders, models with an adapter, adapters, outputs of other merges.
/// Reads headers, and tensor data only where hashes are locked.
/// </summary>
/// <param name="hasher">Digests files; <see langword="null"/> to check everything without reading data.</param>
internal sealed class OpenModels(FileHasher? hasher) : IDisposable
{
    private readonly Dictionary<string, ModelInput> _checkpoints = [];
    private readonly Dictionary<string, PlannedInput> _outputs = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<(ModelInput Model, string Adapter), ModelInput> _adapted = [];
    private readonly Dictionary<string, AdapterInput> _adapters = [];

    // What is wrong with a folder is told once, by whichever name it is met again.
    private readonly Dictionary<string, DiagnosticException> _refused = [];
    private readonly TensorInfoPool _pool = new();

    /// <summary>Makes the output of a planned merge a model that other merges can name.</summary>
    public void Add(MergePlan plan) => _outputs[plan.Name] = new PlannedInput(plan, hasher?.Identified);

    /// <summary>A merge's models in order, then its base unless that is one of them.</summary>
    /// <exception cref="DiagnosticException">With everything that is wrong with any of them.</exception>
    public List<OpenModel> Of(MergeDeclaration merge, CancellationToken cancellation)
    {
        var declarations = merge.Models.ToList();
        if (merge.Base is { } baseModel && !declarations.Exists(baseModel.IsSameModel))
            declarations.Add(baseModel);
        return Each(declarations, declaration => Open(declaration, merge, cancellation));
    }

    /// <summary>
    /// Whether a merge adds up adapters: it has no base and nothing but adapters. Other methods than linear give changes of no low rank.
    /// </summary>
    public bool AreAdapters(MergeDeclaration merge) =>
        merge.Method == LinearMethod.MethodName
            && merge.Base is null
            && merge.Models.Count > 0
            && merge.Models.All(model => model.Adapter is null && IsAdapter(model));

    /// <summary>A merge's models, each of which is an adapter and no model.</summary>
    /// <exception cref="DiagnosticException">With everything that is wrong with any of them.</exception>
    public List<OpenModel> AdaptersOf(MergeDeclaration merge) => Each(merge.Models, declaration => new OpenModel(
        declaration,
        FileDiagnostics.Reading(
            merge.Name, declaration.Folder ?? declaration.Label, declaration.Location,
            () => AdapterOf(declaration.Merge, declaration.Folder ?? "", declaration.Label, declaration.Location))));

    /// <summary>One model that a merge names.</summary>
    /// <exception cref="DiagnosticException">With what is wrong with it.</exception>
    public OpenModel Open(ModelDeclaration model, MergeDeclaration merge, CancellationToken cancellation) =>
        FileDiagnostics.Reading(
            merge.Name,
            model.Folder ?? model.Label,
            model.Location,
            () => new OpenModel(model, WithAdapter(model, merge, cancellation)));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var input in _adapted.Values.Concat<ModelInput>(_adapters.Values).Concat(_checkpoints.Values).Concat(_outputs.Values))
            input.Dispose();
    }

    private static List<OpenModel> Each(IReadOnlyList<ModelDeclaration> declarations, Func<ModelDeclaration, OpenModel> open)
    {
        var (models, diagnostics) = (new List<OpenModel>(), new List<Diagnostic>());
        foreach (var declaration in declarations)
        {
            try
            {
                models.Add(open(declaration));
            }
            catch (DiagnosticException e)
            {
                diagnostics.AddRange(e.Diagnostics);
            }
        }

        // Two of them may be one folder.
        return diagnostics.Count == 0 ? models : throw new DiagnosticException([.. diagnostics.Distinct()]);
    }

    private ModelInput WithAdapter(ModelDeclaration model, MergeDeclaration merge, CancellationToken cancellation)
    {
        if (model.Adapter is { } adapter)
            return Adapted(Stored(model, cancellation), adapter, cancellation);

        // What is an adapter and no model stands for the base with it.
        if (!IsAdapter(model))
            return Stored(model, cancellation);
        if (merge.Base is not { } baseModel || baseModel.IsSameModel(model))
        {
            throw new DiagnosticException(DiagnosticCode.AdapterWithoutModel,
                $"'{model.Label}' {(model.Merge is null ? "is a LoRA adapter" : "is a merge that makes an adapter")} and no model. Name the "
                    + "model that it adapts: the merge's Base (or 'base_model'), or "
                    + $"Include=\"models/base\" Adapter=\"{model.Label}\" (in a recipe 'models/base+{model.Label}').",
                model.Location);
        }

        return Adapted(
            WithAdapter(baseModel, merge, cancellation),
            new AdapterDeclaration(model.Label, model.Folder ?? "", model.Location) { Merge = model.Merge },
            cancellation);
    }

    private bool IsAdapter(ModelDeclaration model) => model.Merge is { } upstream
        ? _outputs[upstream].IsAdapter
        : model.Folder is { } folder && AdapterConfig.IsIn(folder);

    private ModelInput Adapted(ModelInput model, AdapterDeclaration adapter, CancellationToken cancellation)
    {
        var place = adapter.Merge is { } made ? _outputs[made].Folder : adapter.Folder;
        if (adapter.Merge is null && !Directory.Exists(place))
        {
            var isRecipe = Path.GetExtension(adapter.Location.File) is ".yml" or ".yaml";
            throw new DiagnosticException(DiagnosticCode.ModelNotFound,
                $"The adapter folder '{place}' does not exist."
                    + (isRecipe
                        ? $" 'model+{adapter.Label}' means a model with the adapter '{adapter.Label}'; a model whose path contains '+' is "
                            + "written as 'model: {model: {path: …}}'."
                        : ""), adapter.Location);
        }

        if (_adapted.TryGetValue((model, place), out var known))
            return known;
        return FileDiagnostics.Reading(adapter.Label, place, adapter.Location, () =>
        {
            var lora = AdapterOf(adapter.Merge, adapter.Folder, adapter.Label, adapter.Location);
            RequireLocked(adapter.Label, adapter.Folder, adapter.Locked, adapter.Location, cancellation);
            return _adapted[(model, place)] = new AdaptedInput(model, lora, adapter.Merge is null ? hasher : null);
        });
    }

    // An adapter on disk, or as another merge will make it.
    private AdapterInput AdapterOf(string? merge, string folder, string label, SourceLocation location)
    {
        if (merge is not null)
        {
            return _outputs[merge] is { IsAdapter: true } made
                ? made.AsAdapter()
                : throw new DiagnosticException(DiagnosticCode.RefusedAdapter,
                    $"'{label}' is a merge that makes a model and no adapter; it can be a model of this merge, not one that is put on a "
                        + "model.", location);
        }

        if (_adapters.TryGetValue(folder, out var known))
            return known;
        hasher?.Identified?.Add(Path.Combine(folder, AdapterConfig.FileName));
        return _adapters[folder] = new AdapterInput(LoraAdapter.Open(folder), hasher);
    }

    private ModelInput Stored(ModelDeclaration model, CancellationToken cancellation)
    {
        if (model.Merge is { } upstream)
        {
            return _outputs[upstream] is { IsAdapter: false } output
                ? output
                : throw new DiagnosticException(DiagnosticCode.AdapterWithoutModel,
                    $"'{model.Label}' is a merge that makes an adapter and no model.", model.Location);
        }

        var folder = model.Folder
            ?? throw new DiagnosticException(
                    DiagnosticCode.ModelNotFound, $"'{model.Label}' has not been restored. Run the target RestoreModels.", model.Location);
        if (_refused.TryGetValue(folder, out var known))
            throw known;
        return _checkpoints.TryGetValue(folder, out var input) ? input : Stored(model, folder, cancellation);
    }

    private ModelInput Stored(ModelDeclaration model, string folder, CancellationToken cancellation)
    {
        // What else decides what a model is, by what it says or by not being there.
        if (GgufInput.Is(folder))
            return _checkpoints[folder] = GgufInput.Open(folder, hasher);
        string[] names =
        [
            WeightFiles.SingleFileName, ShardIndex.FileName, WeightFiles.PickledFileName, WeightFiles.PickledIndexName,
            ModelConfig.FileName, MergedFiles.Card,
        ];
        foreach (var name in Directory.Exists(folder) ? names : [])
            hasher?.Identified?.Add(Path.Combine(folder, name));
        var stored = new CheckpointInput(Checkpoint.Open(folder, _pool), hasher) { Locked = model.Locked };
        try
        {
            if (stored.Weights.IsEmpty)
                throw new DiagnosticException(
                    DiagnosticCode.NoWeights, $"The weight files of the model folder '{folder}' hold no tensor.", model.Location);
            RequireLocked(model, stored);
            RequireLocked(model.Label, folder, model.Locked, model.Location, cancellation);
            var input = _checkpoints[folder] = DequantizedInput.Of(stored);
            _ = input.Config;
            return input;
        }
        catch (Exception e)
        {
            stored.Dispose();
            if (e is DiagnosticException refused)
                _refused[folder] = refused;
            throw;
        }
    }

    // A snapshot is shared with other tools, which may add weights to it that a loader would prefer.
    private static void RequireLocked(ModelDeclaration model, ModelInput input)
    {
        if (model.Locked is { } locked
            && input.Weights.Files.FirstOrDefault(file => !locked.Files.ContainsKey(Path.GetFileName(file.Path))) is { } stray)
        {
            throw new DiagnosticException(DiagnosticCode.LockedFileChanged,
                $"'{stray.Path}' would be taken for the weights of '{model.Label}', but models.lock.json does not name it. Delete it, or "
                    + "build with -p:UpdateModels=true to lock what is there.", model.Location);
        }
    }

    // Restoring has compared them, and remembers their hashes; whoever changed one since gets no output that says it was made from the
    // locked ones.
    private void RequireLocked(
        string label, string folder, LockedModel? locked, SourceLocation location, CancellationToken cancellation)
    {
        if (hasher is null || locked is null)
            return;
        var changed =
            locked.Files.FirstOrDefault(file =>
                hasher.Published(Path.Combine(folder, file.Key), cancellation).ToString() != file.Value.Sha256).Key;
        if (changed is not null)
        {
            throw new DiagnosticException(DiagnosticCode.LockedFileChanged,
                $"'{Path.Combine(folder, changed)}' is not the file of '{label}' that models.lock.json names: it changed after the model "
                    + "was restored. Build again.", location);
        }
    }
}
