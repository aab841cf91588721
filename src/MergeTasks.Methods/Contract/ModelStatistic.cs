namespace MergeTasks.Methods.Contract;

/// <summary>What a method wants to know of each model beside its weights, measured by running the model on samples of its task.</summary>
internal enum ModelStatistic
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>
    /// Diagonal Fisher information, of each parameter's shape: the mean over samples of the squared gradient of the targets'
    /// log-probability.
    /// </summary>
    Fisher,

    /// <summary>Of each linear layer's inputs x, [in, in]: the mean of xᵀx over all tokens.</summary>
    InputProducts,
}
