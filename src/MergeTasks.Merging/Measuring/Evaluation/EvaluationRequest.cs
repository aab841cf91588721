using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Merging.Measuring.Evaluation;

/// <summary>One model's measurement on one file, cached like scores.</summary>
internal sealed record EvaluationRequest : ScoreRequest
{
    private const string Values = "values";

    private readonly RunnableModel _model;
    private readonly TokenizerFile _tokenizer;
    private readonly int _tokensPerText;

    public EvaluationRequest(
        ScoreKey key, ModelDeclaration declaration, DataFile data, RunnableModel model, TokenizerFile tokenizer, int tokensPerText)
        : base(key, declaration, data) => (_model, _tokenizer, _tokensPerText) = (model, tokenizer, tokensPerText);

    public override string Phase => $"evaluation on {Data!.Label}";

    /// <summary>The measurement, from the cache where it is there.</summary>
    public Measurement Result(ScoringContext context)
    {
        var values = ScoreFile.Read(context.PathOf(this))[Values];
        return new Measurement((Measure)(int)values[0], values[1], values[2], (long)values[3]) { StandardError = values[4] };
    }

    internal override IEnumerable<ScoreList> Lists => [new(Values, 5)];

    internal override void Compute(ScoringContext context, string path)
    {
        context.Progress.Scoring(Model.Label, Phase, 0, "forward passes");
        using var loaded = _model.Load(context.Engine);
        var model = new TextModel(loaded.Model, _tokenizer.Load()) { Scored = context.Progress.Scored };
        var measured = Measurement.Of(model, Data!.Path, _tokensPerText, context.Cancellation);
        double[] values = [(double)measured.Measure, measured.Value, measured.LogProbability, measured.Count, measured.StandardError];
        ScoreFile.Write(path, Key, [(Values, values)]);
    }
}
