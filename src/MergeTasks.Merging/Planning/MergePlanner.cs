using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Assembling;
using MergeTasks.Merging.Planning.Exports;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Loading;
using MergeTasks.Numerics.Algebra;

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
    private readonly OpenModels _models = new(hasher);

    /// <summary>
    /// Where methods on whole matrices compute; <see langword="null"/>: on the processor. Planning reads its version alone.
    /// </summary>
    public IMatrixDevice? Device { get; init; }

    /// <summary>Finds methods.</summary>
    public MethodCatalog Methods { get; init; } = new();

    /// <summary>Plans a merge. Merges whose output it uses must have been planned before by the same planner.</summary>
    /// <exception cref="DiagnosticException">With what does not fit.</exception>
    public MergePlan Plan(MergeDeclaration merge, CancellationToken cancellation)
    {
        var method = MethodOf(merge);
        if (_models.AreAdapters(merge) || method.MakesAdapter)
            return PlanAdapter(merge, method, cancellation);
        var (warnings, remarks) = (new List<Diagnostic>(), new List<string>());
        var opened = _models.Of(merge, cancellation);
        warnings.AddRange(
            opened.SelectMany(model => model.Input.Warnings).Distinct().Select(told => merge.Warning(told.Code, $"{told.Text}.")));
        if (method is AssemblingMethod)
            return Completed(Assembled(merge, opened, cancellation), merge, method, warnings, remarks, cancellation);
        opened = ExpertForms.In(opened, DonorOf(merge), remarks.Add);
        var (models, donor) = Matched(
            merge, SeparateHeads.In(opened, DonorOf(merge), remarks.Add, cancellation), warnings.Add, cancellation);
        return Completed(
            new(merge, opened, models, donor, donor)
            {
                Importance = layout => merge.NeedsScores ? PlanImportance(merge, method, layout, models, cancellation) : null,
            },
            merge, method, warnings, remarks, cancellation);
    }

    // What an output is made of.
    private sealed record Prepared(
        MergeDeclaration Laid, List<OpenModel> Opened, List<OpenModel> Models, OpenModel Donor, OpenModel Configured)
    {
        public required Func<OutputLayout, ImportancePlan?> Importance { get; init; }
    }

    private MergePlan Completed(
        Prepared prepared, MergeDeclaration merge, MergeMethod method, List<Diagnostic> warnings, List<string> remarks,
        CancellationToken cancellation)
    {
        var (laid, opened, models, donor, configured) = prepared;
        return FileDiagnostics.Reading(merge.Name, donor.Input.Folder, donor.Declaration.Location, () =>
        {
            var layout = new LayoutBuilder(laid, method, laid == merge ? models : [donor], donor).Build();
            var configs = ConfigCheck.Of(merge, models, configured, layout);
            var importance = prepared.Importance(layout);
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
                warnings.Add(merge.Warning(DiagnosticCode.DisagreeingStopTokens,
                    $"{disagreement}. Texts of the output may not end where they should; the files are those of "
                        + $"'{donor.Declaration.Label}' and of the vocabulary's source."));
            }

            var plan = new MergePlan(merge, method, models, tensors, shards, config, donorFiles)
            {
                Layout = layout,
                HasConfig = donor.Input.HasConfig,
                Importance = importance,
                Measured = planner.Measured,
                Licences = LicencesOf(models),
                Findings = [.. warnings, .. configs.Warnings],
                Remarks = [.. remarks, .. configs.Notes],
            };
            return Planned(new ComparedPlans(plan, workers, Device, cancellation).Plan());
        });
    }

    private MergeMethod MethodOf(MergeDeclaration merge)
    {
        try
        {
            return Methods.Find(merge.Method, merge.MethodAssembly)
                ?? throw new MethodLoadException($"'{merge.MethodAssembly}' has no method '{merge.Method}'.");
        }
        catch (MethodLoadException e)
        {
            throw merge.Fault(DiagnosticCode.MethodAssembly, e.Message);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _models.Dispose();

    // Models that are put together are one by the time tensors are laid out.
    private Prepared Assembled(MergeDeclaration merge, List<OpenModel> opened, CancellationToken cancellation)
    {
        var donor = opened.First(model => model.Declaration.IsSameModel(merge.Base!));
        var measurable = new Measurable($"Merge '{merge.Name}'", hasher, engine, cancellation);
        return FileDiagnostics.Reading(merge.Name, donor.Input.Folder, merge.Location, () =>
        {
            var (model, scores) = merge.Mixture is null
                ? (new TransplantPlanner(merge, donor, opened[0], workers, cancellation).Plan(), [])
                : new MixturePlanner(merge, opened, donor, measurable, cancellation).Plan();
            return new Prepared(merge with { Models = [donor.Declaration], Base = null }, opened, opened, model, donor)
            {
                Importance = _ => scores.Count == 0 ? null : new ImportancePlan(donor.Declaration, donor.Input)
                {
                    Participants = [donor.Declaration],
                    Statistics = new StatisticsPlan([.. scores.Index()]),
                },
            };
        });
    }

    // The models with one vocabulary, and the one among them that decides the output's configuration and files.
    private static (List<OpenModel> Models, OpenModel Donor) Matched(
        MergeDeclaration merge,
        List<OpenModel> models,
        Action<Diagnostic> warn,
        CancellationToken cancellation)
    {
        var donor = DonorOf(merge)(models);
        return FileDiagnostics.Reading(merge.Name, models[donor].Input.Folder, merge.Location, () =>
        {
            var matched = new VocabularyPlanner(merge, models, models[donor], warn, cancellation).Plan().ToList();
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
                    DiagnosticCode.RemoteCode,
                    $"{message} RemoteCode=\"refuse\" forbids that; remove 'auto_map' from the model's configuration, or allow it.",
                    donor.Location);
        warn(
            new Diagnostic(
                DiagnosticCode.RemoteCode,
                $"{message} It is copied into the output, and was not run here. Read it before you trust it.",
                donor.Location,
                IsWarning: true));
    }

    // The base, else the first model.
    private static Func<IReadOnlyList<OpenModel>, int> DonorOf(MergeDeclaration merge) =>
        models => merge.Base is { } baseModel ? models.ToList().FindIndex(model => model.Declaration.IsSameModel(baseModel)) : 0;

    private MergePlan Planned(MergePlan plan)
    {
        var config = plan.AdapterConfig is null ? plan.Config : null;
        plan = plan with { Exports = ExportPlanner.Plan(plan.Declaration, plan.Tensors, config, plan.DonorFiles) };
        _models.Add(plan);
        return plan;
    }

    private static List<ModelLicence> LicencesOf(List<OpenModel> models) =>
        [.. models.SelectMany(model => model.Input.Licences(model.Declaration.Label)).Distinct()];

    private MergePlan PlanAdapter(MergeDeclaration merge, MergeMethod method, CancellationToken cancellation)
    {
        return FileDiagnostics.Reading(merge.Name, merge.OutputFolder, merge.Location, () =>
        {
            var planner = new AdapterPlanner(merge, method, workers, cancellation);
            planner.RefuseWhatOnlyModelsHave();
            var models = method.MakesAdapter ? _models.Of(merge, cancellation) : _models.AdaptersOf(merge);
            var plan = (method.MakesAdapter ? planner.Extract(models) : planner.Combine(models)) with { Licences = LicencesOf(models) };
            return Planned(plan);
        });
    }

    private ImportancePlan PlanImportance(
        MergeDeclaration merge, MergeMethod method, OutputLayout layout, List<OpenModel> models, CancellationToken cancellation)
    {
        var participants = ScoredModels.Of(merge, layout);
        var isMeasuredOnly = merge.Aim is null && merge.Apl is null;
        var baseModel = merge.ImportanceBase
            ?? merge.Base
            ?? (isMeasuredOnly ? participants[0].Declaration : null)
            ?? throw merge.Fault(DiagnosticCode.MissingImportanceBase,
            "AIM and APL measure changes from a base. Name it with Base=\"…\" or ImportanceBase=\"…\".");
        return FileDiagnostics.Reading(merge.Name, baseModel.Folder ?? baseModel.Label, baseModel.Location, () =>
            new ImportancePlanner(new ScoredMerge(
                merge,
                method,
                participants,
                ScoredModels.InputOf(merge, baseModel, models) is { } input
                    ? new OpenModel(baseModel, input)
                    : _models.Open(baseModel, merge, cancellation),
                layout,
                new Measurable($"Merge '{merge.Name}'", hasher, engine, cancellation))).Plan());
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
