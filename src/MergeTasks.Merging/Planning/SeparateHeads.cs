using MergeTasks.Checkpoints.Naming;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning;

/// <summary>
/// Decides whether the output has a head of its own: where one of its models has one. A model has one where it is not tied, and where it
/// stores one that differs from its embeddings although its configuration calls them tied (current loaders then use both). Models without
/// give their embeddings, and the output's <c>tie_word_embeddings</c> is false.
/// </summary>
internal static class SeparateHeads
{
    /// <summary>The models, with the donor's head apart from its embeddings where the output needs that.</summary>
    /// <param name="models">The models.</param>
    /// <param name="donorOf">Finds the one that decides the output's tensors.</param>
    /// <param name="note">Hears what was decided.</param>
    /// <param name="cancellation">Ends digesting.</param>
    public static List<OpenModel> In(
        List<OpenModel> models,
        Func<IReadOnlyList<OpenModel>, int> donorOf,
        Action<string> note,
        CancellationToken cancellation)
    {
        var place = donorOf(models);
        if (place < 0 || models[place].Input.Config.TiesEmbeddings != true)
            return models;
        var donor = models[place];
        var index = new TensorIndex(donor.Input);
        if (donor.Input.Names.FirstOrDefault(name => IsTied(index, name)) is { } stored)
        {
            if (OwnHead(donor.Input, cancellation) is null && !models.Exists(model => OwnHead(model.Input, cancellation) is not null))
                return models;
            return Apart(stored, stored);
        }

        if (donor.Input.Names.FirstOrDefault(name =>
            TensorNames.IsEmbedding(name) && TensorNames.HeadTiedTo(name) is not null) is not { } embeddings)
            return models;
        return models.Exists(model =>
            OwnHead(model.Input, cancellation) is { } head
                && TensorNames.Canonical(head) == TensorNames.Canonical(TensorNames.HeadTiedTo(embeddings)!))
            ? Apart(TensorNames.HeadTiedTo(embeddings)!, embeddings) : models;

        List<OpenModel> Apart(string head, string source)
        {
            var owners = models.Where(model => OwnHead(model.Input, cancellation) is not null)
                .Select(model => $"'{model.Declaration.Label}'")
                .Distinct();
            note(
                $"the output has a head '{head}' of its own and 'tie_word_embeddings': false, because the head "
                    + $"of {string.Join(" and ", owners)} is another table than the embeddings");
            return [
                .. models.Select((model, i) => i == place ? model with { Input = new SeparateHeadInput(model.Input, head, source) } : model)
            ];
        }
    }

    // A head that is stored and differs; where nothing is digested, a tied one counts as equal.
    private static string? OwnHead(ModelInput model, CancellationToken cancellation)
    {
        var index = new TensorIndex(model);
        foreach (var name in model.Names.Where(TensorNames.IsHead))
        {
            var embeddings = TensorNames.TiedTo(name).Select(index.Same).FirstOrDefault(found => found is not null);
            if (embeddings is not null
                && (model.Config.TiesEmbeddings == false
                    || (model.Config.TiesEmbeddings == true
                        && !model.Identity(name, cancellation).Equals(model.Identity(embeddings, cancellation)))))
                return name;
        }

        return null;
    }

    private static bool IsTied(TensorIndex index, string name) =>
        TensorNames.IsHead(name) && TensorNames.TiedTo(name).Any(embeddings => index.Same(embeddings) is not null);
}
