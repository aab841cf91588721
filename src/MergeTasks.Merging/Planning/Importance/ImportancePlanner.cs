using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Methods.Contract;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>Works out which scores a merge needs and their keys, and checks that they can be computed; runs no model and reads no weights.</summary>
internal sealed class ImportancePlanner(ScoredMerge merge)
{
    /// <summary>Plans.</summary>
    /// <exception cref="DiagnosticException">What cannot be scored, and why.</exception>
    public ImportancePlan Plan()
    {
        var (aim, apl, asked) = (merge.Declaration.Aim, merge.Declaration.Apl, merge.Declaration.Factor);
        var none = new ImportancePlan(merge.Base.Declaration, merge.Base.Input)
        {
            Statistics = merge.Method.Statistic == ModelStatistic.None ? null : new StatisticPlanner(merge).Plan(),
        };
        if (aim is null && apl is null && (asked is null || (!asked.IsExplicit && !CanDescribe())))
            return none;
        var description = merge.Measurable.Describe(merge.Base);
        var taskPlanner = new TaskPlanner(merge, description);
        var aplPlanner = apl is null ? null : new AplPlanner(merge, apl, taskPlanner);
        aplPlanner?.RequireFits();
        var factor = asked is null ? null : PlanFactor(asked, taskPlanner);
        var isMeasured = factor is { Declaration.Value: null } || (merge.Declaration.ChecksItself && (aim is not null || apl is not null));
        var mustMeasure = apl is not null || factor is { Declaration: { Value: null, IsExplicit: true } };
        var sides = apl is null && !isMeasured ? [] : taskPlanner.Sides(mustMeasure);
        var tasks = isMeasured ? sides.ConvertAll(taskPlanner.Measure) : [];
        return none with
        {
            Factor = factor,
            Tasks = tasks,
            Aim = aim is null ? null : new AimPlanner(merge).Plan(aim, description),
            Apl = apl is null ? null : new AplPlan(apl, [.. sides.Select((side, i) => aplPlanner!.Plan(side, isMeasured ? tasks[i] : null))]),
            WithoutBase = [.. merge.Outputs.Where(IsWithoutBase)],
        };
    }

<<<<<<< HEAD
    private bool CanDescribe()
=======
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
        var modules = description.Modules.Where(module => aim.RelaxesTiedHead || !tables.Contains(module.Weight))
            .GroupBy(module => module.Weight).ToDictionary(places => places.Key, IReadOnlyList<ModuleDescription> (places) => [.. places.OrderBy(module => module.Place)], StringComparer.Ordinal);
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
            new("statistic", ImportanceText.NameOf(aim.Statistic)),
            new("engine", _engine),
        ]);
        return new ActivationRequest(key, declaration, aim, model, Path.Combine(_base.Input.Folder, TokenizerFile), block);
    }

    private AplPlan PlanApl(AplDeclaration apl, ModelDescription description)
    {
        if (apl.SetsWeights && !_method.Parameters.Any(parameter => parameter is { PerModel: true, Name: "weight" }))
            throw Fault(DiagnosticCode.UnsuitableScoring, $"the level 'model' sets the models' weights, and the method '{_method.Name}' has none.", apl.Location);
        var tuned = Tuned().ToList();
        RequireTaskData("APL", tuned.Select(model => model.Declaration));
        return new AplPlan(apl, DensityOf(apl), [.. tuned.Select(model => Model(apl, model.Index, model.Declaration, model.Input, description))]);
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
        var run = new TaskRun(model, Path.Combine(owner.Input.Folder, TokenizerFile), declaration.TaskData!);
        KeyValuePair<string, string>[] ingredients =
        [
            .. model.Identity(_cancellation),
            new("tokenizer", Tokenizer(owner.Declaration, owner.Input).Digest.ToString()),
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

    private double DensityOf(AplDeclaration apl)
    {
        if (apl.Density is { } own)
            return own;
        var densities = _merge.Models.Select(model => model.Parameters.GetValueOrDefault("density")).Append(_merge.Parameters.GetValueOrDefault("density"))
            .OfType<Setting>().Distinct().ToList();
        return densities switch
        {
            [] => AplDeclaration.DefaultDensity,
            [Setting.Number { Value: > 0 } single] => single.Value,
            _ => throw Fault(DiagnosticCode.UnsuitableScoring, "the method's densities are not one number that APL could take as its target. Set AplDensity.", apl.Location),
        };
    }

    private AplModel Model(AplDeclaration apl, int index, ModelDeclaration declaration, ModelInput input, ModelDescription baseDescription)
    {
        var description = Describe(declaration, input);
        if (description.Task == ModelTask.MaskedLanguageModel)
            throw Fault(DiagnosticCode.UnsuitableScoring, $"'{declaration.Label}' is a masked language model, for which APL knows no task. It takes decoders and sequence classifiers.", declaration.Location);
        var used = input.Names.Except(description.UnusedTensors, StringComparer.Ordinal).Where(name => input.Find(name)!.DType.IsFloatingPoint()).ToList();
        var shared = used.Where(name => HasSame(_base.Input, name, input.Find(name)!.Shape)).ToList();
        if (shared.Count == 0)
            throw Fault(DiagnosticCode.MissingImportanceBase, $"'{declaration.Label}' and the base '{_base.Declaration.Label}' share no tensor, so there is no change to measure.", declaration.Location);
        var outputs = _outputs.ToHashSet(StringComparer.Ordinal);
        var partition = DeltaPartition.Of(description, shared.Where(outputs.Contains).Order(StringComparer.Ordinal).Select(name => (name, input.Find(name)!.Shape)));
        var tuned = new RunnableModel(input, description, null, []);
        var basis = baseDescription.Task == description.Task && shared.Count == used.Count
            ? new RunnableModel(_base.Input, baseDescription, null, [])
            : new RunnableModel(input, description, _base.Input, [.. shared.Order(StringComparer.Ordinal)]);
        var data = declaration.TaskData!;
        var owner = _base.Input.SideFiles(_cancellation).Any(file => file.Name == TokenizerFile) ? _base : (Declaration: declaration, Input: input);
        var tokenizer = Path.Combine(owner.Input.Folder, TokenizerFile);
        KeyValuePair<string, string>[] task =
        [
            new("tokenizer", Tokenizer(owner.Declaration, owner.Input).Digest.ToString()),
            new("task data", DigestOf(data)),
            new("metric", description.Task == ModelTask.SequenceClassification ? "mean log-probability of the label" : "mean over samples of the targets' mean log-probability"),
            new("engine", _engine),
        ];
        KeyValuePair<string, string>[] change =
        [
            new("base", Weights(_base.Input)),
            new("fine-tuned", Weights(input)),
            new("tensors", ContentDigest.Of(string.Concat(partition.Tensors.Select(tensor => $"{tensor.UnitsAreColumns} {tensor.Name}\n"))).ToString()),
        ];
        var point = new TaskRun(apl.Mode == InterventionMode.Restore ? basis : tuned, tokenizer, data);
        var gradient = apl.Drop == DropRule.Importance && apl.DropLevel is not null
            ? new GradientRequest(new ScoreKey("task gradient", [.. point.Model.Identity(_cancellation), .. task]), declaration, point)
            : null;
        var needsProducts = !apl.IsExact || apl.Verifies;
        var levels = new List<PartitionLevel>();
        if (apl.IsExact)
            levels.AddRange(apl.Levels.Append(apl.DropLevel == PartitionLevel.Hidden ? PartitionLevel.Layer : apl.Levels[0]));
        if (apl.Verifies)
            levels.AddRange([PartitionLevel.Layer, PartitionLevel.Tensor]);
        return new AplModel(index, declaration, input, partition)
        {
            Counts = new ChangeCountRequest(new ScoreKey("changed elements", change), declaration, input, _base.Input, partition),
            Gradient = gradient,
            Products = needsProducts
                ? new ProductRequest(
                    new ScoreKey("importance by gradient",
                        [.. point.Model.Identity(_cancellation), .. task, .. change, new("mode", ImportanceText.NameOf(apl.Mode)), new("gradient", gradient is null ? "as it is computed" : "kept")]),
                    declaration, point, input, _base.Input, partition, gradient)
                : null,
            Exact = levels.Distinct().ToDictionary(level => level, level => new InterventionRequest(
                new ScoreKey("exact importance",
                    [.. tuned.Identity(_cancellation), .. task, .. change, new("base config", ContentDigest.Of(basis.Model.Config.Text).ToString()), new("mode", ImportanceText.NameOf(apl.Mode)), new("level", ImportanceText.NameOf(level))]),
                declaration, level, apl.Mode, new TaskRun(basis, tokenizer, data), new TaskRun(tuned, tokenizer, data), partition)),
        };
    }

    private string Weights(ModelInput input) =>
        ContentDigest.Of(string.Concat(input.Names.Select(name => $"{input.Identity(name, _cancellation)} {name}\n"))).ToString();

    private ModelDescription Describe(ModelDeclaration declaration, ModelInput input)
>>>>>>> families
    {
        try
        {
            return merge.Measurable.Describe(merge.Base) is not null;
        }
        catch (DiagnosticException)
        {
            return false;
        }
    }

    // A factor that nobody asked for is chosen where it can be.
    private FactorPlan? PlanFactor(FactorDeclaration factor, TaskPlanner tasks)
    {
        if (factor is { IsExplicit: true, Value: null })
            merge.RequireTaskData("MergeFactor \"task\"", merge.Tuned.Select(tuned => tuned.Model));
        return factor.IsExplicit || tasks.CanMeasureAll ? new FactorPlan(factor) : null;
    }

    private bool IsWithoutBase(string name) => !TensorNames.IsBuffer(name) && merge.Participants.Any(model =>
        model.Input.Find(name) is { } tensor && tensor.DType.IsFloatingPoint() && !merge.BaseHas(name, tensor.Shape));
}
