using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Build;

/// <summary>Measures merged models and the models that they were made from.</summary>
/// <param name="hasher">Digests data files.</param>
/// <param name="build">Runs models and keeps results.</param>
internal sealed class EvaluationBuild(FileHasher hasher, ScoreBuild build)
{
    private readonly Measurable _measurable = new("Evaluation", hasher, build.Context.Engine.NumericsVersion, build.Context.Cancellation);

    /// <summary>Evaluates one merge, whose output has been made.</summary>
    public MergeEvaluation Run(MergePlan plan, EvaluationDeclaration evaluation)
    {
        var merged = Measure(new OpenModel(new ModelDeclaration(plan.Name, plan.Declaration.Location), new PlannedInput(plan)), evaluation);
        var models = new List<(string, bool, Measurement)>();
        foreach (var model in plan.Models)
            models.Add(
                (model.Declaration.Label,
                    plan.Declaration.Base is { } baseModel && model.Declaration.IsSameModel(baseModel),
                    Measure(model, evaluation)));
        return new MergeEvaluation(evaluation, merged, models);
    }

    /// <summary>Evaluates one model.</summary>
    public Measurement Measure(OpenModel measured, EvaluationDeclaration evaluation)
    {
        EvaluationRequest? request = null;
        return build.Guarded(() => request, () =>
        {
            var tokenizer = _measurable.Tokenizer(measured);
            var data = _measurable.DigestOf(evaluation.Data);
            var model = new RunnableModel(measured.Input, _measurable.Describe(measured), null, []);
            var key = _measurable.Key(
                "evaluation",
                model,
                tokenizer,
                new("data", data),
                new("tokens per text", evaluation.TokensPerText.ToString(CultureInfo.InvariantCulture)));
            request = new EvaluationRequest(key, measured.Declaration, evaluation.Data, model, tokenizer, evaluation.TokensPerText);
            return request.Result(build.Context);
        });
    }
}
