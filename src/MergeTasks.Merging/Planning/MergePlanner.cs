using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Loading;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Sources.Locking;

namespace MergeTasks.Merging.Planning;

/// <summary>
/// Plans merges: opens the inputs' headers, checks that they fit together, and works out each output tensor's key.
/// Tensor data is read only to digest files that are new or changed.
/// </summary>
/// <param name="hasher">Digests files; <see langword="null"/> to check everything without reading data, which leaves the keys
/// meaningless.</param>
/// <param name="workers">Threads that will merge.</param>
/// <param name="engine">Numerics version of the engine that will score.</param>
internal sealed class MergePlanner(FileHasher? hasher, int workers, string engine) : IDisposable
{
    private readonly Dictionary<string, ModelInput> _checkpoints = [];
    private readonly Dictionary<string, ModelInput> _outputs = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<(ModelInput Model, string Adapter), ModelInput> _adapted = [];
    private readonly Dictionary<string, AdapterInput> _adapters = [];

    // What is wrong with a folder is told once, by whichever name it is met again.
    private readonly Dictionary<string, DiagnosticException> _refused = [];
    private readonly TensorInfoPool _pool = new();
    private CancellationToken _cancellation;

    /// <summary>
    /// Where methods on whole matrices compute; <see langword="null"/>: on the processor. Planning reads its version alone.
    /// </summary>
    public IMatrixDevice? Device { get; init; }

    /// <summary>Plans a merge. Merges whose output it uses must have been planned before by the same planner.</summary>
    /// <exception cref="DiagnosticException">With what does not fit.</exception>
    public MergePlan Plan(MergeDeclaration merge, CancellationToken cancellation)
    {
        _cancellation = cancellation;
        var method = MethodOf(merge);
        if (IsOfAdapters(merge) || method.MakesAdapter)
            return PlanAdapter(merge, method, cancellation);
        var (warnings, remarks) = (new List<Diagnostic>(), new List<string>());
        var opened = Open(merge);
        var (models, donor) = Matched(
            merge, SeparateHeads.In(opened, DonorOf(merge), remarks.Add, cancellation), warnings.Add, cancellation);
        return FileDiagnostics.Reading(merge.Name, donor.Input.Folder, donor.Declaration.Location, () =>
        {
            var layout = new LayoutBuilder(merge, method, models, donor).Build();
            var configs = ConfigCheck.Of(merge, models, donor, layout);
            var importance = merge.NeedsScores ? PlanImportance(merge, method, layout, cancellation) : null;
            var planner = new TensorPlanner(merge, method, layout, importance, workers) { Device = Device };
            if (!Directory.Exists(merge.OutputFolder))
                DiskSpace.Require(merge, planner.OutputLength, 0, []);
            var tensors = planner.Plan(cancellation);
            var shards = ShardLayout.Plan(tensors.Select(tensor => tensor.Output), merge.MaxShardSize);
            var donorFiles = donor.Input.SideFiles(cancellation);
            if (merge.ChatTemplate is { } template)
                donorFiles = ChatTemplates.Apply(template, donorFiles, opened.Select(model => model.Input.SideFiles(cancellation)));
            TellCode(merge, donor.Declaration, donorFiles, warnings.Add);
            if (donorFiles.Where(file => file.Name.EndsWith("/" + WeightFiles.SingleFileName, StringComparison.Ordinal))
                .ToList() is { Count: > 0 } modules)
                remarks.Add(
                    $"the weights of modules below ({string.Join(", ", modules.Select(file => file.Name))}) are those of "
                        + $"'{donor.Declaration.Label}', not merged");
            var config = layout.Config.With(OutputDType(merge, tensors));
            var stops = opened.Select(model => new StopTokens(model.Input.SideFiles(cancellation), model.Input.Config)).ToList();
            if (new StopTokens(donorFiles, config).Disagreement(stops) is { } disagreement)
            {
                warnings.Add(new Diagnostic(DiagnosticCode.DisagreeingStopTokens,
                    $"Merge '{merge.Name}': {disagreement}. Texts of the output may not end where they should; the files are those of "
                        + $"'{donor.Declaration.Label}' and of the vocabulary's source.", merge.Location, IsWarning: true));
            }

            var plan = new MergePlan(merge, method, models, tensors, shards, config, donorFiles)
            {
                Layout = layout,
                Importance = importance,
                Measured = planner.Measured,
                Licences = LicencesOf(models),
                Findings = [.. warnings, .. configs.Warnings],
                Remarks = [.. remarks, .. configs.Notes],
            };
            return Planned(
                FailingSafe(plan with { Simpler = [.. Simpler(plan, method, layout, cancellation)] }, method, layout, cancellation));
        });
    }

    private static MergeMethod MethodOf(MergeDeclaration merge)
    {
        try
        {
            return MethodCatalog.Find(merge.Method, merge.MethodAssembly)
                ?? throw new MethodLoadException($"'{merge.MethodAssembly}' has no method '{merge.Method}'.");
        }
        catch (MethodLoadException e)
        {
            throw new DiagnosticException(
                new Diagnostic(DiagnosticCode.MethodAssembly, $"Merge '{merge.Name}': {e.Message}", merge.Location));
        }
    }

    // Where the density is the build's to choose, it may find that several models merge better with all of their changes. What a tensor
    // holds then depends on what was measured, and so does its key.
    private MergePlan FailingSafe(MergePlan plan, MergeMethod method, OutputLayout layout, CancellationToken cancellation)
    {
        if (plan.Simpler.Count == 0
            || plan.Importance is not { Apl: { Models.Count: > 1, Declaration: var apl } } importance
            || apl is not { Density: null, DropLevel: not null, SetsWeights: false })
            return plan;
        var without = importance.Aim is null
            ? plan.Simpler[0].Plan
            : Without(plan, importance with { Apl = null }, method, layout, cancellation);
        var measured = string.Join(
            ' ', plan.Simpler.Select(simpler => simpler.Plan).Append(plan).Append(without).Select(one => one.Measured!.Digest));
        return plan with
        {
            WithoutApl = without,
            Tensors = [
                .. plan.Tensors.Select(tensor =>
                    tensor.IsMerged ? tensor with { Key = ContentDigest.Of($"{tensor.Key}\nor without APL {measured}") } : tensor)
            ],
        };
    }

    // Without AIM and APL, then with APL alone where both are asked for.
    private IEnumerable<(string Step, MergePlan Plan)> Simpler(
        MergePlan plan, MergeMethod method, OutputLayout layout, CancellationToken cancellation)
    {
        if (!plan.Declaration.ChecksItself
            || plan.Importance is not { Tasks.Count: > 0 } importance
            || (importance.Aim is null && importance.Apl is null))
            yield break;
        yield return ("plain", Without(plan, importance with { Aim = null, Apl = null }, method, layout, cancellation));
        if (importance is { Aim: not null, Apl: not null })
            yield return ("APL", Without(plan, importance with { Aim = null }, method, layout, cancellation));
    }

    private MergePlan Without(MergePlan plan, ImportancePlan fewer, MergeMethod method, OutputLayout layout, CancellationToken cancellation)
    {
        var planner = new TensorPlanner(plan.Declaration, method, layout, fewer, workers) { Device = Device };
        var tensors = planner.Plan(cancellation);
        return plan with { Tensors = tensors, Importance = fewer, Measured = planner.Measured, Simpler = [] };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var input in _adapted.Values.Concat<ModelInput>(_adapters.Values).Concat(_checkpoints.Values).Concat(_outputs.Values))
            input.Dispose();
    }

    // The models with one vocabulary, and the one among them that decides the output's configuration and files.
    private static (
        List<(ModelDeclaration Declaration, ModelInput Input)> Models,
        (ModelDeclaration Declaration, ModelInput Input) Donor) Matched(
        MergeDeclaration merge,
        List<(ModelDeclaration Declaration, ModelInput Input)> models,
        Action<Diagnostic> warn,
        CancellationToken cancellation)
    {
        var donor = DonorOf(merge)(models);
        return FileDiagnostics.Reading(merge.Name, models[donor].Input.Folder, merge.Location, () =>
        {
            var matched = new VocabularyPlanner(merge, models, models[donor], warn, cancellation).Plan().ToList();
            if (merge.NeedsScores && matched.Exists(model => model.Input is RemappedInput { IsIdentity: false }))
            {
                throw new DiagnosticException(new Diagnostic(DiagnosticCode.UnsuitableScoring,
                    $"Merge '{merge.Name}': models are not scored (AIM, APL, methods with statistics) while their vocabularies differ. "
                        + "Give them one vocabulary in merges of their own first.", merge.Location));
            }

            return (matched, matched[donor]);
        });
    }

    private static void TellCode(MergeDeclaration merge, ModelDeclaration donor, IReadOnlyList<SideFile> files, Action<Diagnostic> warn)
    {
        var code = files.Where(file => SideFiles.IsCode(file.Name)).Select(file => $"'{file.Name}'").ToList();
        if (code.Count == 0)
            return;
        var message =
            $"Merge '{merge.Name}': '{donor.Label}' brings code that loaders run where they are told to trust "
                + $"it: {string.Join(", ", code)}.";
        if (merge.RefusesCode)
            throw new DiagnosticException(
                new Diagnostic(
                    DiagnosticCode.RemoteCode,
                    $"{message} RemoteCode=\"refuse\" forbids that; remove 'auto_map' from the model's configuration, or allow it.",
                    donor.Location));
        warn(
            new Diagnostic(
                DiagnosticCode.RemoteCode,
                $"{message} It is copied into the output, and was not run here. Read it before you trust it.",
                donor.Location,
                IsWarning: true));
    }

    // The base, else the first model.
    private static Func<IReadOnlyList<(ModelDeclaration Declaration, ModelInput Input)>, int> DonorOf(MergeDeclaration merge) =>
        models => merge.Base is { } basis ? models.ToList().FindIndex(model => model.Declaration.IsSameModel(basis)) : 0;

    private MergePlan Planned(MergePlan plan)
    {
        _outputs[plan.Name] = new PlannedInput(plan, hasher?.Identified);
        return plan;
    }

    private static List<ModelLicence> LicencesOf(List<(ModelDeclaration Declaration, ModelInput Input)> models) =>
        [.. models.SelectMany(model => model.Input.Licences(model.Declaration.Label)).Distinct()];

    private MergePlan PlanAdapter(MergeDeclaration merge, MergeMethod method, CancellationToken cancellation)
    {
        return FileDiagnostics.Reading(merge.Name, merge.OutputFolder, merge.Location, () =>
        {
            var planner = new AdapterPlanner(merge, method, workers, cancellation);
            planner.RefuseWhatOnlyModelsHave();
            var models = method.MakesAdapter ? Open(merge) : OpenAdapters(merge);
            var plan = (method.MakesAdapter ? planner.Extract(models) : planner.Combine(models)) with { Licences = LicencesOf(models) };
            return Planned(plan);
        });
    }

    private List<(ModelDeclaration Declaration, ModelInput Input)> OpenAdapters(MergeDeclaration merge)
    {
        var adapters = new List<(ModelDeclaration, ModelInput)>();
        var diagnostics = new List<Diagnostic>();
        foreach (var declaration in merge.Models)
        {
            try
            {
                var input = FileDiagnostics.Reading(
                    merge.Name, declaration.Folder ?? declaration.Label, declaration.Location,
                    () => AdapterOf(declaration.Merge, declaration.Folder ?? "", declaration.Label, declaration.Location));
                adapters.Add((declaration, input));
            }
            catch (DiagnosticException e)
            {
                diagnostics.AddRange(e.Diagnostics);
            }
        }

        return diagnostics.Count == 0 ? adapters : throw new DiagnosticException(diagnostics);
    }

    // The models in order, then the base unless it is one of them.
    private List<(ModelDeclaration Declaration, ModelInput Input)> Open(MergeDeclaration merge)
    {
        var diagnostics = new List<Diagnostic>();
        var models = new List<(ModelDeclaration, ModelInput)>();
        var declarations = merge.Models.ToList();
        if (merge.Base is { } basis && !declarations.Exists(basis.IsSameModel))
            declarations.Add(basis);
        foreach (var declaration in declarations)
        {
            try
            {
                models.Add(
                    (declaration,
                        FileDiagnostics.Reading(
                            merge.Name, declaration.Folder ?? declaration.Label, declaration.Location, () => Open(declaration, merge))));
            }
            catch (DiagnosticException e)
            {
                diagnostics.AddRange(e.Diagnostics);
            }
        }

        // Two of them may be one folder.
        return diagnostics.Count == 0 ? models : throw new DiagnosticException([.. diagnostics.Distinct()]);
    }

    private ImportancePlan PlanImportance(MergeDeclaration merge, MergeMethod method, OutputLayout layout, CancellationToken cancellation)
    {
        if (!merge.IsWhole)
        {
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.UnsuitableScoring,
                $"Merge '{merge.Name}': {(merge.Aim is null && merge.Apl is null ? $"the method '{method.Name}' runs the models that it merges, so it takes" : "AIM and APL compare models tensor by tensor with a base, so they take")} whole models and neither slices nor modules. Stack the layers in a first merge, and merge its output.",
                merge.Location));
        }

        var participants = layout.Tensors.Take(1).SelectMany(tensor => tensor.Part.Sources)
            .Select(source => new OpenModel(source.Declaration, source.Input)).ToList();
        var isMeasuredOnly = merge.Aim is null && merge.Apl is null;
        var basis = merge.ImportanceBase
            ?? merge.Base
            ?? (isMeasuredOnly ? participants[0].Declaration : null)
            ?? throw new DiagnosticException(new Diagnostic(DiagnosticCode.MissingImportanceBase,
            $"Merge '{merge.Name}': AIM and APL measure changes from a base. Name it with Base=\"…\" or ImportanceBase=\"…\".",
            merge.Location));
        return FileDiagnostics.Reading(merge.Name, basis.Folder ?? basis.Label, basis.Location, () =>
            new ImportancePlanner(new ScoredMerge(
                merge,
                method,
                participants,
                new OpenModel(basis, Open(basis, merge)),
                [.. layout.Tensors.Select(tensor => tensor.Name)],
                new Measurable($"Merge '{merge.Name}'", hasher, engine, cancellation))).Plan());
    }

    private ModelInput Open(ModelDeclaration model, MergeDeclaration merge)
    {
        if (model.Adapter is { } adapter)
            return Adapted(OpenStored(model), adapter);

        // What is an adapter and no model stands for the base with it.
        if (!IsAdapter(model))
            return OpenStored(model);
        if (merge.Base is not { } basis || basis.IsSameModel(model))
        {
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.AdapterWithoutModel,
                $"'{model.Label}' {(model.Merge is null ? "is a LoRA adapter" : "is a merge that makes an adapter")} and no model. Name the "
                    + "model that it adapts: the merge's Base (or 'base_model'), or "
                    + $"Include=\"models/base\" Adapter=\"{model.Label}\" (in a recipe 'models/base+{model.Label}').",
                model.Location));
        }

        return Adapted(
            Open(basis, merge), new AdapterDeclaration(model.Label, model.Folder ?? "", model.Location) { Merge = model.Merge });
    }

    private bool IsAdapter(ModelDeclaration model) => model.Merge is { } upstream
        ? _outputs[upstream] is PlannedInput { IsAdapter: true }
        : model.Folder is { } folder && AdapterConfig.IsIn(folder);

    // A merge adds up adapters where it has no base and nothing but adapters. Other methods than linear give changes of no low rank.
    private bool IsOfAdapters(MergeDeclaration merge) =>
        merge.Method == LinearMethod.MethodName
            && merge.Base is null
            && merge.Models.Count > 0
            && merge.Models.All(model => model.Adapter is null && IsAdapter(model));

    private ModelInput Adapted(ModelInput model, AdapterDeclaration adapter)
    {
        var place = adapter.Merge is { } made ? _outputs[made].Folder : adapter.Folder;
        if (adapter.Merge is null && !Directory.Exists(place))
        {
            var isRecipe = Path.GetExtension(adapter.Location.File) is ".yml" or ".yaml";
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.ModelNotFound,
                $"The adapter folder '{place}' does not exist."
                    + (isRecipe
                        ? $" 'model+{adapter.Label}' means a model with the adapter '{adapter.Label}'; a model whose path contains '+' is "
                            + "written as 'model: {model: {path: …}}'."
                        : ""), adapter.Location));
        }

        if (_adapted.TryGetValue((model, place), out var known))
            return known;
        return FileDiagnostics.Reading(adapter.Label, place, adapter.Location, () =>
        {
            var lora = AdapterOf(adapter.Merge, adapter.Folder, adapter.Label, adapter.Location);
            RequireLocked(adapter.Label, adapter.Folder, adapter.Locked, adapter.Location);
            return _adapted[(model, place)] = new AdaptedInput(model, lora, adapter.Merge is null ? hasher : null);
        });
    }

    // An adapter on disk, or as another merge will make it.
    private AdapterInput AdapterOf(string? merge, string folder, string label, SourceLocation location)
    {
        if (merge is not null)
        {
            return _outputs[merge] is PlannedInput { IsAdapter: true } made
                ? made.AsAdapter()
                : throw new DiagnosticException(new Diagnostic(DiagnosticCode.RefusedAdapter,
                    $"'{label}' is a merge that makes a model and no adapter; it can be a model of this merge, not one that is put on a "
                        + "model.", location));
        }

        if (_adapters.TryGetValue(folder, out var known))
            return known;
        hasher?.Identified?.Add(Path.Combine(folder, AdapterConfig.FileName));
        return _adapters[folder] = new AdapterInput(LoraAdapter.Open(folder), hasher);
    }

    private ModelInput OpenStored(ModelDeclaration model)
    {
        if (model.Merge is { } upstream)
            return _outputs[upstream] is PlannedInput { IsAdapter: false } output
                ? output
                : throw new DiagnosticException(new Diagnostic(DiagnosticCode.AdapterWithoutModel,
                    $"'{model.Label}' is a merge that makes an adapter and no model.", model.Location));
        var folder = model.Folder
            ?? throw new DiagnosticException(
                new Diagnostic(
                    DiagnosticCode.ModelNotFound, $"'{model.Label}' has not been restored. Run the target RestoreModels.", model.Location));
        if (_refused.TryGetValue(folder, out var known))
            throw known;
        if (!_checkpoints.TryGetValue(folder, out var input))
        {
            // What else decides what a model is, by what it says or by not being there.
            foreach (var name in new[] { WeightFiles.SingleFileName, ShardIndex.FileName, ModelConfig.FileName, MergedFiles.Card })
                hasher?.Identified?.Add(Path.Combine(folder, name));
            var stored = new CheckpointInput(Checkpoint.Open(folder, _pool), hasher) { Locked = model.Locked };
            try
            {
                RequireLocked(model, stored);
                RequireLocked(model.Label, folder, model.Locked, model.Location);
                _checkpoints[folder] = input = DequantizedInput.Of(stored);
                _ = input.Config;
            }
            catch (Exception e)
            {
                stored.Dispose();
                if (e is DiagnosticException refused)
                    _refused[folder] = refused;
                throw;
            }
        }

        return input;
    }

    // A snapshot is shared with other tools, which may add weights to it that a loader would prefer.
    private static void RequireLocked(ModelDeclaration model, ModelInput input)
    {
        if (model.Locked is { } locked
            && input.Weights.Files.FirstOrDefault(file => !locked.Files.ContainsKey(Path.GetFileName(file.Path))) is { } stray)
        {
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.LockedFileChanged,
                $"'{stray.Path}' would be taken for the weights of '{model.Label}', but models.lock.json does not name it. Delete it, or "
                    + "build with -p:UpdateModels=true to lock what is there.", model.Location));
        }
    }

    // Restoring has compared them, and remembers their hashes; whoever changed one since gets no output that says it was made from the
    // locked ones.
    private void RequireLocked(string label, string folder, LockedModel? locked, SourceLocation location)
    {
        if (hasher is null || locked is null)
            return;
        var changed =
            locked.Files.FirstOrDefault(file =>
                hasher.Published(Path.Combine(folder, file.Key), _cancellation).ToString() != file.Value.Sha256).Key;
        if (changed is not null)
        {
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.LockedFileChanged,
                $"'{Path.Combine(folder, changed)}' is not the file of '{label}' that models.lock.json names: it changed after the model "
                    + "was restored. Build again.", location));
        }
    }

    private static DType? OutputDType(MergeDeclaration merge, IReadOnlyList<TensorPlan> tensors) =>
        merge.OutDType ?? merge.DType ?? tensors
            .Where(tensor => tensor.Output.DType.IsFloatingPoint())
            .GroupBy(tensor => tensor.Output.DType)
            .OrderByDescending(group =>
                group.Sum(tensor => tensor.Output.Shape.Aggregate((decimal)group.Key.Size(), (bytes, dimension) => bytes * dimension)))
            .ThenBy(group => group.Key)
            .Select(group => (DType?)group.Key)
            .FirstOrDefault();
}
