using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Locating;
using MergeTasks.Merging.Measuring;
using MergeTasks.Methods.Contract;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>Works out which scores a merge needs and their keys, and checks that they can be computed; runs no model and reads no weights.</summary>
internal sealed class ImportancePlanner
{
    private const string TokenizerFile = "tokenizer.json";

    private readonly MergeDeclaration _merge;
    private readonly MergeMethod _method;
    private readonly IReadOnlyList<(ModelDeclaration Declaration, ModelInput Input)> _participants;
    private readonly (ModelDeclaration Declaration, ModelInput Input) _base;
    private readonly IReadOnlyList<string> _outputs;
    private readonly FileHasher? _hasher;
    private readonly string _engine;
    private readonly CancellationToken _cancellation;

    /// <summary>A planner for one merge.</summary>
    /// <param name="merge">The declaration.</param>
    /// <param name="method">Its method.</param>
    /// <param name="participants">The method's inputs in order.</param>
    /// <param name="basis">θ_b.</param>
    /// <param name="outputs">Names of the output's tensors.</param>
    /// <param name="hasher">Digests data files; <see langword="null"/> where keys do not matter.</param>
    /// <param name="engine">The engine's numerics version.</param>
    /// <param name="cancellation">Ends digesting.</param>
    public ImportancePlanner(
        MergeDeclaration merge,
        MergeMethod method,
        IReadOnlyList<(ModelDeclaration Declaration, ModelInput Input)> participants,
        (ModelDeclaration Declaration, ModelInput Input) basis,
        IReadOnlyList<string> outputs,
        FileHasher? hasher,
        string engine,
        CancellationToken cancellation) =>
        (_merge, _method, _participants, _base, _outputs, _hasher, _engine, _cancellation) =
        (merge, method, participants, basis, outputs, hasher, engine, cancellation);

    /// <summary>Plans.</summary>
    /// <exception cref="DiagnosticException">What cannot be scored, and why.</exception>
    public ImportancePlan Plan()
    {
        var statistics = _method.Statistic == ModelStatistic.None ? null : PlanStatistics();
        var none = new ImportancePlan(_base.Declaration, _base.Input) { Statistics = statistics };
        if (_merge.Aim is null && _merge.Apl is null && (_merge.Factor is null || (!_merge.Factor.IsExplicit && !CanDescribe())))
            return none;
        var description = Describe(_base.Declaration, _base.Input);
        if (_merge.Apl is { } asked)
            RequireAplFits(asked);
        var factor = PlanFactor(description);
        var isMeasured = factor is { Declaration.Value: null } || (_merge.ChecksItself && (_merge.Aim is not null || _merge.Apl is not null));
        var mustMeasure = _merge.Apl is not null || factor is { Declaration: { Value: null, IsExplicit: true } };
        List<TaskSide> sides = _merge.Apl is null && !isMeasured ? []
            : [.. Tuned().Where(model => model.Declaration.TaskData is not null).Select(model => mustMeasure ? Side(model, description) : TrySide(model, description)).OfType<TaskSide>()];
        var tasks = isMeasured ? sides.ConvertAll(Measure) : [];
        return none with
        {
            Factor = factor,
            Tasks = tasks,
            Aim = _merge.Aim is { } aim ? PlanAim(aim, description) : null,
            Apl = _merge.Apl is { } apl ? new AplPlan(apl, [.. sides.Select((side, i) => Model(apl, side, isMeasured ? tasks[i] : null))]) : null,
            WithoutBase = [.. _outputs.Where(name => !TensorNames.IsBuffer(name) && _participants.Any(model => model.Input.Find(name) is { } tensor
                && tensor.DType.IsFloatingPoint() && !HasSame(_base.Input, name, tensor.Shape)))],
        };
    }

    private bool CanDescribe()
    {
        try
        {
            return Describe(_base.Declaration, _base.Input) is not null;
        }
        catch (DiagnosticException)
        {
            return false;
        }
    }

    /// <summary>Whether a model has a floating-point tensor of a name and shape.</summary>
    public static bool HasSame(ModelInput model, string name, IReadOnlyList<long> shape) =>
        model.Find(name) is { } tensor && tensor.DType.IsFloatingPoint() && tensor.Shape.SequenceEqual(shape);

    // The models whose changes are measured: not θ_b itself, nor a base that the method only subtracts.
    private IEnumerable<(int Index, ModelDeclaration Declaration, ModelInput Input)> Tuned() => _participants
        .Select((model, index) => (index, model.Declaration, model.Input))
        .Where(model => !model.Declaration.IsSameModel(_base.Declaration)
            && (_method.BaseIsParticipant || !_method.TakesBase(_merge.Base is not null) || !model.Declaration.IsSameModel(_merge.Base!)));

    private AimPlan PlanAim(AimDeclaration aim, ModelDescription description)
    {
        if (aim.Statistic == ActivationStatistic.Gradient && description.Task != ModelTask.CausalLanguageModel)
            throw Fault(DiagnosticCode.UnsuitableScoring, $"AimStatistic \"gradient\" needs a next-token loss, which '{_base.Declaration.Label}' ({description.Family}) lacks. Use mean-abs, rms or variance.", aim.Location);
        var block = Math.Min(aim.Block, description.MaximumPositions);
        var tables = description.Tables.ToHashSet(StringComparer.Ordinal);
        var modules = description.Modules.Where(module => aim.RelaxesTiedHead || !tables.Contains(module.Weight)).ToDictionary(module => module.Weight, StringComparer.Ordinal);
        var participants = aim.Activations == ActivationSource.Participants
            ? Tuned().Select(model => (model.Index, Activations(aim, model.Declaration, new RunnableModel(model.Input, Describe(model.Declaration, model.Input), null, []), block))).ToList()
            : [];
        return new AimPlan(aim, aim.Omega == 1 ? null : Activations(aim, _base.Declaration, new RunnableModel(_base.Input, description, null, []), block), participants, modules);
    }

    private ActivationRequest Activations(AimDeclaration aim, ModelDeclaration declaration, RunnableModel model, int block)
    {
        var tokenizer = Tokenizer(_base.Declaration, _base.Input);
        var key = new ScoreKey("activations",
        [
            .. model.Identity(_cancellation),
            new("tokenizer", tokenizer.Digest.ToString()),
            new("calibration", DigestOf(aim.Calibration)),
            new("samples", aim.Samples.ToString()),
            new("block", block.ToString()),
            new("statistic", OptionKind.NameOf(aim.Statistic)),
            new("engine", _engine),
        ]);
        return new ActivationRequest(key, declaration, aim, model, tokenizer.PathIn(_base.Input.Folder), block);
    }

    private void RequireAplFits(AplDeclaration apl)
    {
        if (apl.SetsWeights && !_method.Parameters.Any(parameter => parameter is { PerModel: true, Name: "weight" }))
            throw Fault(DiagnosticCode.UnsuitableScoring, $"the level 'model' sets the models' weights, and the method '{_method.Name}' has none.", apl.Location);
        RequireTaskData("APL", Tuned().Select(model => model.Declaration));
    }

    // A factor that nobody asked for is chosen where it can be.
    private FactorPlan? PlanFactor(ModelDescription description)
    {
        if (_merge.Factor is not { } factor)
            return null;
        if (factor is { IsExplicit: true, Value: null })
            RequireTaskData("MergeFactor \"task\"", Tuned().Select(model => model.Declaration));
        return factor.IsExplicit || CanMeasure(description) ? new FactorPlan(factor) : null;
    }

    private bool CanMeasure(ModelDescription description)
    {
        return Tuned().ToList() is { Count: > 0 } tuned
                && tuned.TrueForAll(model => model.Declaration.TaskData is not null && TrySide(model, description) is not null);
    }

    // Where measuring is a default, what cannot be measured is left out without a word.
    private TaskSide? TrySide((int Index, ModelDeclaration Declaration, ModelInput Input) model, ModelDescription baseDescription)
    {
        try
        {
            return Side(model, baseDescription);
        }
        catch (DiagnosticException)
        {
            return null;
        }
    }

    private void RequireTaskData(string who, IEnumerable<ModelDeclaration> models)
    {
        var missing = models.Where(model => model.TaskData is null)
            .Select(model => new Diagnostic(DiagnosticCode.MissingScoringData,
                $"Merge '{_merge.Name}': {who} needs samples of the task of '{model.Label}'. "
                + "Name them with TaskData=\"…\" on its MergeSource, or 'task_data' in the recipe.", model.Location)).ToList();
        if (missing.Count > 0)
            throw new DiagnosticException(missing);
    }

    // Of every model that is merged, the base too where it is one of them.
    private StatisticsPlan PlanStatistics()
    {
        var models = _participants.Select((model, index) => (Index: index, model.Declaration, model.Input))
            .Where(model => !_method.TakesBase(_merge.Base is not null) || !model.Declaration.IsSameModel(_merge.Base!)).ToList();
        RequireTaskData($"the method '{_method.Name}'", models.Select(model => model.Declaration));
        return new StatisticsPlan([.. models.Select(model => (model.Index, Statistic(model.Declaration, model.Input)))]);
    }

    private PlannedStatistic Statistic(ModelDeclaration declaration, ModelInput input)
    {
        var description = Describe(declaration, input);
        if (description.Task == ModelTask.MaskedLanguageModel)
            throw Fault(DiagnosticCode.UnsuitableScoring, $"'{declaration.Label}' is a masked language model, for which '{_method.Name}' knows no task. It takes decoders and sequence classifiers.", declaration.Location);
        var owner = input.SideFiles(_cancellation).Any(file => file.Name == TokenizerFile) ? (Declaration: declaration, Input: input) : _base;
        var model = new RunnableModel(input, description, null, []);
        var tokenizer = Tokenizer(owner.Declaration, owner.Input);
        var run = new TaskRun(model, tokenizer.PathIn(owner.Input.Folder), declaration.TaskData!);
        KeyValuePair<string, string>[] ingredients =
        [
            .. model.Identity(_cancellation),
            new("tokenizer", tokenizer.Digest.ToString()),
            new("task data", DigestOf(declaration.TaskData!)),
            new("engine", _engine),
        ];
        if (_method.Statistic == ModelStatistic.Fisher)
        {
            var used = input.Names.Except(description.UnusedTensors, StringComparer.Ordinal).Where(name => input.Find(name)!.DType.IsFloatingPoint());
            return new PlannedStatistic(new FisherRequest(new ScoreKey("Fisher information", ingredients), declaration, run), used.ToDictionary(name => name, _ => (ModuleDescription?)null, StringComparer.Ordinal));
        }

        var tables = description.Tables.ToHashSet(StringComparer.Ordinal);
        var modules = description.Modules.Where(module => !tables.Contains(module.Weight) && input.Find(module.Weight) is { Shape.Count: 2 })
            .DistinctBy(module => module.Weight).ToDictionary(module => module.Weight, StringComparer.Ordinal);
        return new PlannedStatistic(
            new InputProductsRequest(new ScoreKey("input products", ingredients), declaration, run, modules), modules.ToDictionary(pair => pair.Key, pair => (ModuleDescription?)pair.Value, StringComparer.Ordinal));
    }

    // What a model's task needs to be run with the model, the base, or anything between.
    private sealed record TaskSide(
        int Index, ModelDeclaration Declaration, ModelInput Input, ModelDescription Description, IReadOnlyList<string> Shared, TaskRun Base, TaskRun Tuned, KeyValuePair<string, string>[] Task);

    private TaskSide Side((int Index, ModelDeclaration Declaration, ModelInput Input) model, ModelDescription baseDescription)
    {
        var (index, declaration, input) = model;
        var description = Describe(declaration, input);
        if (description.Task == ModelTask.MaskedLanguageModel)
            throw Fault(DiagnosticCode.UnsuitableScoring, $"'{declaration.Label}' is a masked language model, for which APL knows no task. It takes decoders and sequence classifiers.", declaration.Location);
        var used = input.Names.Except(description.UnusedTensors, StringComparer.Ordinal).Where(name => input.Find(name)!.DType.IsFloatingPoint()).ToList();
        var shared = used.Where(name => HasSame(_base.Input, name, input.Find(name)!.Shape)).ToList();
        if (shared.Count == 0)
            throw Fault(DiagnosticCode.MissingImportanceBase, $"'{declaration.Label}' and the base '{_base.Declaration.Label}' share no tensor, so there is no change to measure.", declaration.Location);
        var basis = baseDescription.Task == description.Task && shared.Count == used.Count
            ? new RunnableModel(_base.Input, baseDescription, null, [])
            : new RunnableModel(input, description, _base.Input, [.. shared.Order(StringComparer.Ordinal)]);
        var data = declaration.TaskData!;
        var owner = _base.Input.SideFiles(_cancellation).Any(file => file.Name == TokenizerFile) ? _base : (Declaration: declaration, Input: input);
        var file = Tokenizer(owner.Declaration, owner.Input);
        var tokenizer = file.PathIn(owner.Input.Folder);
        var share = _merge.ChecksItself ? SampleShare.Scoring : SampleShare.All;
        return new TaskSide(
            index, declaration, input, description, shared, new TaskRun(basis, tokenizer, data) { Share = share }, new TaskRun(new RunnableModel(input, description, null, []), tokenizer, data) { Share = share },
            [
                new("tokenizer", file.Digest.ToString()),
                new("task data", DigestOf(data)),
                new("samples", share == SampleShare.All ? "all" : "the deciding half"),
                new("metric", description.Task == ModelTask.SequenceClassification ? "mean log-probability of the label" : "mean over samples of the targets' mean log-probability"),
                new("engine", _engine),
            ]);
    }

    private TaskMeasure Measure(TaskSide side) => new(side.Declaration, side.Base, Score(side, side.Base), Score(side, side.Tuned));

    private SampleScoreRequest Score(TaskSide side, TaskRun run) =>
        new(new ScoreKey("sample scores", [.. run.Model.Identity(_cancellation), .. side.Task]), run == side.Base ? _base.Declaration : side.Declaration, run);

    private AplModel Model(AplDeclaration apl, TaskSide side, TaskMeasure? measure)
    {
        var (declaration, input) = (side.Declaration, side.Input);
        var outputs = _outputs.ToHashSet(StringComparer.Ordinal);
        var partition = DeltaPartition.Of(side.Description, side.Shared.Where(outputs.Contains).Order(StringComparer.Ordinal).Select(name => (name, input.Find(name)!.Shape)));
        KeyValuePair<string, string>[] change =
        [
            new("base", Weights(_base.Input)),
            new("fine-tuned", Weights(input)),
            new("tensors", ContentDigest.Of(string.Concat(partition.Tensors.Select(tensor => $"{tensor.UnitsAreColumns} {tensor.Name}\n"))).ToString()),
        ];
        var point = apl.Mode == InterventionMode.Restore ? side.Base : side.Tuned;
        var slopes = apl.DropLevel is null ? null : apl.Drop switch
        {
            DropRule.RestoreImportance => point,
            DropRule.Importance => side.Tuned,
            _ => null,
        };
        var gradient = slopes is null ? null : new GradientRequest(new ScoreKey("task gradient", [.. slopes.Model.Identity(_cancellation), .. side.Task]), declaration, slopes);
        var reused = slopes == point ? gradient : null;
        var levels = new List<PartitionLevel>();
        if (apl.IsExact)
            levels.AddRange(apl.Levels.Append(apl.Budget == BudgetRule.PerParameter && apl.DropLevel is not null || apl.DropLevel == PartitionLevel.Hidden ? PartitionLevel.Layer : apl.Levels[0]));
        if (apl.Verifies)
            levels.AddRange([PartitionLevel.Layer, PartitionLevel.Tensor]);
        var scores = new AplScores(partition)
        {
            Counts = new ChangeCountRequest(new ScoreKey("changed elements", change), declaration, input, _base.Input, partition),
            Gradient = gradient,
            Squares = apl.DropLevel is not null && apl.Drop == DropRule.Importance
                ? new FisherRequest(new ScoreKey("mean squared gradients", [.. side.Tuned.Model.Identity(_cancellation), .. side.Task]), declaration, side.Tuned, ofMeans: true) : null,
            Products = !apl.IsExact || apl.Verifies
                ? new ProductRequest(
                    new ScoreKey("importance by gradient",
                        [.. point.Model.Identity(_cancellation), .. side.Task, .. change, new("mode", OptionKind.NameOf(apl.Mode)), new("gradient", reused is null ? "as it is computed" : "kept")]),
                    declaration, point, input, _base.Input, partition, reused)
                : null,
            Exact = levels.Distinct().ToDictionary(level => level, level => new InterventionRequest(
                new ScoreKey("exact importance",
                [
                    .. side.Tuned.Model.Identity(_cancellation), .. side.Task, .. change, new("base config", ContentDigest.Of(side.Base.Model.Model.Config.Text).ToString()),
                    new("mode", OptionKind.NameOf(apl.Mode)), new("level", OptionKind.NameOf(level)),
                ]),
                declaration, level, apl.Mode, side.Base, side.Tuned, partition)),
        };
        var cast = _merge.IsMergekitCompatible && partition.Tensors.Count > 0 ? _merge.DType ?? _base.Input.Find(partition.Tensors[0].Name)!.DType : (DType?)null;
        var located = new LocatedModel(scores, input, _base.Input, cast, _merge.Seed, side.Index);
        return new AplModel(side.Index, declaration, located) { Kept = Kept(apl, side, located, measure) };
    }

    // The first version's choices are made by settings alone.
    private KeptChangeRequest? Kept(AplDeclaration apl, TaskSide side, LocatedModel located, TaskMeasure? measure)
    {
        if (apl.DropLevel is not { } level || (apl.Budget == BudgetRule.Total && !apl.Searches))
            return null;
        var compared = apl.Density is null || (apl.Rescale == RescaleRule.Task && apl.Density < 1) ? measure ?? Measure(side) : null;
        var key = new ScoreKey("kept changes",
        [
            new("scores", ContentDigest.Of(string.Join(' ', located.Scores.Deciding(apl).Select(request => request.Key.Digest))).ToString()),
            new("compared with", compared is null ? "nothing" : $"{compared.BaseScore.Key.Digest} {compared.TunedScore.Key.Digest}"),
            new("density", apl.Density is { } density ? density.ToString("R", CultureInfo.InvariantCulture) : "auto"),
            new("settings", FormattableString.Invariant(
                $"{OptionKind.NameOf(level)} {OptionKind.NameOf(apl.Budget)} {OptionKind.NameOf(apl.Drop)} {OptionKind.NameOf(apl.Rescale)} tau1={apl.Tau1:R} tau2={apl.Tau2:R} {located.Text(apl)}")),
        ]);
        return new KeptChangeRequest(key, side.Declaration, located, apl, side.Base, compared?.BaseScore, compared?.TunedScore);
    }

    private string Weights(ModelInput input) =>
        ContentDigest.Of(string.Concat(input.Names.Select(name => $"{input.Identity(name, _cancellation)} {name}\n"))).ToString();

    private ModelDescription Describe(ModelDeclaration declaration, ModelInput input)
    {
        try
        {
            return CpuEngine.Describe(input.Config.Text, input.Folder, input.Names.Select(name => input.Find(name)!));
        }
        catch (ModelException e)
        {
            throw Fault(DiagnosticCode.NotScorable, $"'{declaration.Label}' cannot be run, so it cannot be scored: {e.Message}", declaration.Location);
        }
    }

    private SideFile Tokenizer(ModelDeclaration declaration, ModelInput input) =>
        input.SideFiles(_cancellation).FirstOrDefault(file => file.Name == TokenizerFile)
        ?? throw Fault(DiagnosticCode.NotScorable, $"'{declaration.Label}' has no {TokenizerFile}, which scoring needs.", declaration.Location);

    private string DigestOf(DataFile data)
    {
        try
        {
            return _hasher?.DigestWhole(data.Path, _cancellation).ToString() ?? "";
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw Fault(DiagnosticCode.BadScoringData, FileFault.Of(e, data.Label, FileAct.Read).Message, data.Location);
        }
    }

    private DiagnosticException Fault(string code, string message, SourceLocation? location) => new(new Diagnostic(code, $"Merge '{_merge.Name}': {message}", location));
}
