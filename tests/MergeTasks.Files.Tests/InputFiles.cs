using System.Net.Sockets;
using System.Text;
using MergeTasks.TestSupport;

namespace MergeTasks.Files.Tests;

/// <summary>Whatever a path leads to, reading it ends, and with a fault that says what is there.</summary>
public sealed class InputFiles : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_read_as_it_is()
    {
        var bytes = new byte[200_000];
        new Random(1).NextBytes(bytes);
        File.WriteAllBytes(_folder["x"], bytes);
        Assert.Equal(bytes, InputFile.ReadAll(_folder["x"]));
        File.CreateSymbolicLink(_folder["link"], "x");
        Assert.Equal(bytes, InputFile.ReadAll(_folder["link"]));
        Assert.Equal(FileFaultKind.TooLarge, Assert.Throws<FileFault>(() => InputFile.ReadAll(_folder["x"], 199_999)).Kind);
    }

    [Theory]
    [InlineData("missing", FileFaultKind.Missing, "does not exist")]
    [InlineData("no folder/missing", FileFaultKind.Missing, "does not exist")]
    [InlineData("file/below", FileFaultKind.Missing, "")]
    [InlineData("folder", FileFaultKind.Folder, "it is a folder")]
    [InlineData("pipe", FileFaultKind.Special, "it is a pipe")]
    [InlineData("link to pipe", FileFaultKind.Special, "it is a pipe")]
    [InlineData("socket", FileFaultKind.Special, "a socket")]
    [InlineData("zero", FileFaultKind.Special, "a device")]
    [InlineData("tty", FileFaultKind.Special, "a device")]
    [InlineData("dangling", FileFaultKind.Missing, "does not exist")]
    [InlineData("circle", FileFaultKind.BadName, "circle")]
    [InlineData("nul\0", FileFaultKind.BadName, "NUL")]
    [InlineData("file\0x", FileFaultKind.BadName, "NUL")]
    [InlineData("long", FileFaultKind.BadName, "too long")]
    internal void What_is_no_file_is_told_apart(string name, FileFaultKind kind, string reason)
    {
        if (!OperatingSystem.IsLinux())
            return;
        File.WriteAllText(_folder["file"], "x");
        Directory.CreateDirectory(_folder["folder"]);
        SpecialFiles.Pipe(_folder["pipe"]);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder["socket"]));
        foreach (var (link, target) in new[]
        {
            ("link to pipe", "pipe"),
            ("zero", "/dev/zero"),
            ("tty", "/dev/null"),
            ("dangling", "nothing"),
            ("circle", "ring"),
            ("ring", "circle")
        })
            SpecialFiles.Link(_folder[link], target);
        var path = name == "long" ? _folder[new string('n', 300)] : _folder.Path + "/" + name;
        foreach (var read in new Action[]
        {
            () => InputFile.ReadAll(path),
            () => InputFile.ReadText(path),
            () => InputFile.Open(path).Dispose(),
            () => Assert.Empty(InputFile.ReadTextLines(path))
        })
        {
            var fault = Assert.Throws<FileFault>(() => SpecialFiles.Soon(read));
            Assert.Equal(kind, fault.Kind);
            Assert.Equal(path, fault.Path);
            Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', fault.Message);
        }
    }

    [Fact]
    public void What_may_not_be_read_listed_written_or_deleted_is_told_with_what_was_tried()
    {
        if (!Nobody.IsAvailable)
            return;
        Directory.CreateDirectory(_folder["closed"]);
        File.WriteAllText(_folder["closed", "x"], "x");
        File.WriteAllText(_folder["secret"], "x");
        Nobody.Open(_folder.Path);
        File.SetUnixFileMode(_folder["secret"], UnixFileMode.None);
        File.SetUnixFileMode(_folder["closed"], UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
        Nobody.Do(() =>
        {
            Denied("cannot be read: permission is denied", () => InputFile.ReadAll(_folder["secret"]));
            Denied("cannot be listed: permission is denied", () => InputFolder.FileNames(_folder["closed"]));
            Denied(
                "cannot be deleted: permission is denied",
                () => FileFault.During(_folder["closed", "x"], FileAct.Delete, () => File.Delete(_folder["closed", "x"])));
            Denied(
                "cannot be written: permission is denied",
                () => FileFault.During(_folder["closed", "y"], FileAct.Write, () => File.WriteAllText(_folder["closed", "y"], "")));
        });
        File.SetUnixFileMode(_folder["closed"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        static void Denied(string reason, Action action)
        {
            var fault = Assert.Throws<FileFault>(action);
            Assert.Equal(FileFaultKind.Denied, fault.Kind);
            Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_failing_device_is_told_as_such()
    {
        if (!OperatingSystem.IsLinux())
            return;

        // Nobody has memory at address 0, and the system calls that an input/output error.
        var fault = Assert.Throws<FileFault>(() => FileFault.During("/proc/self/mem", FileAct.Read, () =>
        {
            using var handle = File.OpenHandle("/proc/self/mem");
            RandomAccess.Read(handle, new byte[16], 0);
        }));
        Assert.Equal(
            (FileFaultKind.Failed, "'/proc/self/mem' cannot be read: its device reports an input/output error."), (fault.Kind, fault.Message));
    }

    [Fact]
    public void A_full_disk_is_told_as_such()
    {
        if (!OperatingSystem.IsLinux())
            return;

        // The device that always is.
        var fault = Assert.Throws<FileFault>(() => FileFault.During("/dev/full", FileAct.Write, () =>
        {
            using var handle = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write);
            RandomAccess.Write(handle, new byte[4096], 0);
        }));
        Assert.Equal((FileFaultKind.DiskFull, "'/dev/full' cannot be written: the disk is full."), (fault.Kind, fault.Message));

        // Longer than the file system takes a file, so that it is refused at once: a length that is merely more than is free would take all
        // of that for a moment, from everybody.
        if (new DriveInfo(_folder["."]).DriveFormat is not ("ext2" or "ext3" or "ext4"))
            return;
        fault = Assert.Throws<FileFault>(() => FileFault.During(_folder["huge"], FileAct.Write, () =>
            File.OpenHandle(_folder["huge"], FileMode.CreateNew, FileAccess.Write, preallocationSize: 1L << 60).Dispose()));
        Assert.Contains(fault.Kind, new[] { FileFaultKind.DiskFull, FileFaultKind.Failed });
    }

    [Fact]
    public void A_file_that_another_has_open_is_told_as_such()
    {
        using var own = new FileStream(_folder["x"], FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        Assert.Equal(FileFaultKind.InUse, Assert.Throws<FileFault>(() => InputFile.ReadAll(_folder["x"])).Kind);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'a', 0xFF }, null)]
    [InlineData(new byte[] { 0xEF, 0xBB, 0xBF, (byte)'a' }, "a")]
    [InlineData(new byte[] { 0xFF, 0xFE, (byte)'a', 0 }, "a")]
    [InlineData(new byte[] { 0xC3, 0xA9 }, "é")]
    [InlineData(new byte[] { }, "")]
    public void Text_is_read_strictly(byte[] bytes, string? text)
    {
        File.WriteAllBytes(_folder["x"], bytes);
        if (text is not null)
            Assert.Equal(text, InputFile.ReadText(_folder["x"]));
        else
            Assert.Equal(FileFaultKind.Malformed, Assert.Throws<FileFault>(() => InputFile.ReadText(_folder["x"])).Kind);
    }

    [Fact]
    public void A_file_with_a_NUL_character_has_no_lines_of_text()
    {
        File.WriteAllText(_folder["x"], "a\n\0b\n");
        Assert.Equal(
            FileFaultKind.Malformed, Assert.Throws<FileFault>(() => InputFile.ReadTextLines(_folder["x"]).First()).Kind);
        File.WriteAllText(_folder["x"], "a\r\nb\n\nc");
        Assert.Equal(["a", "b", "", "c"], InputFile.ReadTextLines(_folder["x"]));
    }

    [Fact]
    public void Messages_are_one_line_whatever_the_name()
    {
        var fault = Assert.Throws<FileFault>(() => InputFile.ReadAll(_folder["a\nerror MTK9999: b\u001b[31m"]));
        Assert.DoesNotContain(fault.Message, char.IsControl);
        Assert.Contains("a\\u000aerror", fault.Message, StringComparison.Ordinal);
        Assert.True(MessageText.Shown(new string('x', 299) + "\ud83d\ude00").Length < 350);
        Assert.Equal(
            Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(MessageText.Shown(new string('x', 299) + "\ud83d\ude00"))),
            MessageText.Shown(new string('x', 299) + "\ud83d\ude00"));
    }
}
