using System.Runtime.InteropServices;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Devices.Elf;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Devices;

/// <summary>
/// Libraries that were made for a newer system than this: which of them can be loaded all the same, and what is said of the others.
/// </summary>
public sealed class LibrariesOfNewerSystems
{
    private static readonly bool HasLoader = OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    [Fact]
    public void A_version_that_nothing_refers_to_is_done_without_and_the_loader_agrees()
    {
        using var folder = new TempFolder();
        var path = Write(folder, TinyLibrary.Of("libc.so.6", "GLIBC_9.99", "of_the_future", refers: false));
        var before = File.ReadAllBytes(path);
        var copy = LoadableLibrary.Of(path, folder.Path, HasLoader ? SystemLibrary.Find : Machine("GLIBC_2.14"));
        Assert.NotEqual(path, copy);
        Assert.Equal(before, File.ReadAllBytes(path));

        // Two bytes of flags, and nothing else.
        Assert.Single(before.Zip(File.ReadAllBytes(copy)), pair => pair.First != pair.Second);
        using (var library = ElfLibrary.Open(copy))
            Assert.True(Assert.Single(library.Needs).IsWeak);
        if (!HasLoader)
            return;
        Assert.Contains(
            "GLIBC_9.99", Assert.Throws<DllNotFoundException>(() => NativeLibrary.Load(path)).Message, StringComparison.Ordinal);
        NativeLibrary.Free(NativeLibrary.Load(copy));
    }

    [Fact]
    public void A_version_that_is_used_is_an_error_that_names_both_versions_and_the_ways_out()
    {
        using var folder = new TempFolder();
        var path = Write(folder, TinyLibrary.Of("libstdc++.so.6", "GLIBCXX_3.4.30", "_ZSt3foov", refers: true));
        Assert.Equal(
            $"The library '{path}' needs GLIBCXX_3.4.30 of libstdc++.so.6, and this machine's (/lib/other.so) ends at GLIBCXX_3.4.9. "
            + "Ways out: a newer libstdc++ on the loader's path"
            + " (LD_LIBRARY_PATH), or a system or container with one, such as Ubuntu 24.04 or Debian 13; or MergeDevice=cpu, which runs "
            + "models on the built-in engine.",
            Refused("CXXABI_1.3.13", "GLIBCXX_3.4.9", "GLIBCXX_3.4", "GLIBCXX_3.4.8", "GLIBCXX_FORCE_NEW"));
        Assert.Contains("(/lib/other.so) has none of that kind.", Refused("CXXABI_1.3.13"), StringComparison.Ordinal);

        // A newer libstdc++ does not help with what the C library lacks.
        File.WriteAllBytes(path, TinyLibrary.Of("libc.so.6", "GLIBC_2.38", "strlcpy", refers: true));
        Assert.Contains(
            "needs GLIBC_2.38 of libc.so.6, and this machine's (/lib/other.so) ends at GLIBC_2.35. Ways out: a newer system, or a "
                + "container", Refused("GLIBC_2.35", "GLIBC_PRIVATE"), StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(folder.Path));

        string Refused(params string[] versions)
        {
            var diagnostic = Assert.Single(
                Assert.Throws<DiagnosticException>(() => LoadableLibrary.Of(path, folder.Path, Machine(versions))).Diagnostics);
            Assert.Equal(DiagnosticCode.DeviceLibraries, diagnostic.Code);
            return diagnostic.Message;
        }
    }

    [Fact]
    public void What_the_machine_has_is_taken_as_it_is()
    {
        using var folder = new TempFolder();
        var path = Write(folder, TinyLibrary.Of("libc.so.6", "GLIBC_2.14", "memcpy", refers: true));
        Assert.Equal(path, LoadableLibrary.Of(path, folder.Path, Machine("GLIBC_2.2.5", "GLIBC_2.14")));
        Assert.Equal(path, LoadableLibrary.Of(path, folder.Path, _ => null));
        File.WriteAllBytes(path, TinyLibrary.Of("libc.so.6", null, "memcpy", refers: true));
        Assert.Equal(path, LoadableLibrary.Of(path, folder.Path, Machine()));
        if (!HasLoader)
            return;
        NativeLibrary.Free(NativeLibrary.Load(path));

        // The libraries of a process that runs were accepted by the loader: this machine has what they need.
        var own = Directory.GetFiles(RuntimeEnvironment.GetRuntimeDirectory(), "*.so")
            .Append(SystemLibrary.Find("libstdc++.so.6")!.Path)
            .ToList();
        Assert.True(own.Count > 5);
        Assert.All(own, library => Assert.Equal(library, LoadableLibrary.Of(library, folder.Path, SystemLibrary.Find)));
        Assert.Contains(own, library => { using var elf = ElfLibrary.Open(library); return elf.Needs.Any(elf.Uses); });
    }

    [Fact]
    public void Libraries_that_are_missing_are_named_those_behind_others_too()
    {
        if (!HasLoader)
            return;
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["elsewhere"], TinyLibrary.Of("libsecond.so", null, "f", refers: false));
        var first = File.CreateSymbolicLink(folder["libtiny.so"], folder["elsewhere"]).FullName;
        File.WriteAllBytes(folder["libsecond.so"], TinyLibrary.Of("libthird-of-no-machine.so.3", null, "f", refers: false));
        Assert.Equal(["libthird-of-no-machine.so.3"], LoadableLibrary.Absent(first));
        File.WriteAllBytes(folder["libsecond.so"], TinyLibrary.Of("libc.so.6", null, "f", refers: false));
        Assert.Empty(LoadableLibrary.Absent(first));
    }

    [Fact]
    public void Damaged_files_are_left_to_the_loader()
    {
        using var folder = new TempFolder();
        var whole = TinyLibrary.Of("libc.so.6", "GLIBC_9.99", "of_the_future", refers: true);
        var random = new Random(7);
        var refused = 0;
        for (var attempt = 0; attempt < 600; attempt++)
        {
            var bytes = attempt % 3 == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (var change = random.Next(1, 5); change > 0 && bytes.Length > 0; change--)
                bytes[random.Next(Math.Min(bytes.Length, 0x420))] = (byte)(random.Next(2) == 0 ? 0xFF : random.Next(256));
            var path = Write(folder, bytes);
            try
            {
                using var library = ElfLibrary.Open(path);
                _ = library.Needs.Any(library.Uses);
            }
            catch (InvalidDataException)
            {
                refused++;
                Assert.Equal(path, LoadableLibrary.Of(path, folder.Path, Machine()));
            }
        }

        Assert.InRange(refused, 100, 599);
    }

    private static string Write(TempFolder folder, byte[] bytes)
    {
        File.WriteAllBytes(folder["libtiny.so"], bytes);
        return folder["libtiny.so"];
    }

    private static Func<string, SystemLibrary?> Machine(params string[] versions) => _ => new SystemLibrary("/lib/other.so", versions);
}
