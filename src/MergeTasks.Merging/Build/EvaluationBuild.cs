using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Merging.Planning;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Build;

/// <summary>Measures merged models and the models that they were made from.</summary>
/// <param name="hasher">Digests data files.</param>
/// <param name="build">Runs models and keeps results.</param>
internal sealed class EvaluationBuild(FileHasher hasher, ScoreBuild build)
{
    private const string TokenizerFile = "tokenizer.json";

    /// <summary>Evaluates one merge, whose output has been made.</summary>
    public MergeEvaluation Run(MergePlan plan, EvaluationDeclaration evaluation)
    {
        var merged = Measure(new ModelDeclaration(plan.Name, plan.Declaration.Location), new PlannedInput(plan), evaluation);
        var models = new List<(string, bool, Measurement)>();
        foreach (var (declaration, input) in plan.Models)
            models.Add((declaration.Label, plan.Declaration.Base is { } basis && declaration.IsSameModel(basis), Measure(declaration, input, evaluation)));
        return new MergeEvaluation(evaluation, merged, models);
    }

    private Measurement Measure(ModelDeclaration declaration, ModelInput input, EvaluationDeclaration evaluation)
    {
        var context = build.Context;
        EvaluationRequest? request = null;
        return build.Guarded(() => request, () =>
        {
            var tokenizer = input.SideFiles(context.Cancellation).FirstOrDefault(file => file.Name == TokenizerFile)
                ?? throw new ModelException(ModelError.BadConfiguration, $"'{declaration.Label}' has no {TokenizerFile}, which evaluating needs.", input.Folder);
            if (!File.Exists(evaluation.Data.Path))
                throw new DiagnosticException(new Diagnostic(DiagnosticCode.BadScoringData, $"'{evaluation.Data.Label}' does not exist.", evaluation.Location));
            var model = new RunnableModel(input, CpuEngine.Describe(input.Config.Text, input.Folder, input.Names.Select(name => input.Find(name)!)), null, []);
            var key = new ScoreKey("evaluation",
            [
                .. model.Identity(context.Cancellation),
                new("tokenizer", tokenizer.Digest.ToString()),
                new("data", hasher.DigestWhole(evaluation.Data.Path, context.Cancellation).ToString()),
                new("tokens per text", evaluation.TokensPerText.ToString(System.Globalization.CultureInfo.InvariantCulture)),
                new("engine", context.Engine.NumericsVersion),
            ]);
            request = new EvaluationRequest(key, declaration, evaluation.Data, model, tokenizer.PathIn(input.Folder), evaluation.TokensPerText);
            return request.Result(context);
        });
    }
}
